package ort

import (
	"bufio"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// CPUs is what this process may compute with.
type CPUs struct {
	Logical  int     // processors that the scheduler may use, hyper-threads included
	Physical int     // cores among them; Logical where the system does not tell
	Quota    float64 // the container's CPU time per second of time; 0 if unlimited
	Model    string  // the processor's name; "" if unknown
}

// Threads is the default number of threads: the physical cores, but no more
// than the quota covers, since threads past it only get the whole process paused.
func (c CPUs) Threads() int {
	n := c.Physical
	if c.Quota > 0 {
		n = min(n, int(c.Quota))
	}
	return max(n, 1)
}

// CountCPUs asks the system.
func CountCPUs() CPUs {
	if runtime.GOOS == "linux" || runtime.GOOS == "android" {
		return countCPUs(os.DirFS("/"), runtime.NumCPU())
	}
	return CPUs{Logical: runtime.NumCPU(), Physical: physicalCores()}
}

// countCPUs reads /proc and /sys below root; logical stands in where they say nothing.
func countCPUs(root fs.FS, logical int) CPUs {
	c := CPUs{Logical: logical, Physical: logical, Quota: quota(root), Model: cpuModel(root)}
	allowed := cpuList(statusField(root, "Cpus_allowed_list"))
	if len(allowed) == 0 {
		return c
	}
	c.Logical = len(allowed)
	cores := map[string]bool{}
	for _, cpu := range allowed {
		siblings := readLine(root, "sys/devices/system/cpu/cpu"+strconv.Itoa(cpu)+"/topology/thread_siblings_list")
		if siblings == "" { // no topology: count each as a core
			siblings = "cpu" + strconv.Itoa(cpu)
		}
		cores[siblings] = true
	}
	c.Physical = len(cores)
	return c
}

// quota is the smallest CPU limit of the process's control groups and of those above.
func quota(root fs.FS) float64 {
	smallest := 0.0
	take := func(limit float64) {
		if limit > 0 && (smallest == 0 || limit < smallest) {
			smallest = limit
		}
	}
	data, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(data), "\n") {
		// hierarchy:controllers:path, with no controllers in version 2
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 {
			continue
		}
		read, base := quotaV2, "sys/fs/cgroup"
		if parts[1] != "" {
			if !hasWord(parts[1], "cpu") {
				continue
			}
			read, base = quotaV1, "sys/fs/cgroup/"+parts[1]
		}
		// A container often sees its own group as the root of the mount,
		// although the path names it from outside: the walk ends there too.
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			take(read(root, path.Join(base, group)))
			if group == "/" {
				break
			}
		}
	}
	return smallest
}

// quotaV2 reads cpu.max: "QUOTA PERIOD" in µs, or "max PERIOD".
func quotaV2(root fs.FS, group string) float64 {
	fields := strings.Fields(readLine(root, path.Join(group, "cpu.max")))
	if len(fields) != 2 {
		return 0
	}
	return ratio(fields[0], fields[1])
}

func quotaV1(root fs.FS, group string) float64 {
	return ratio(readLine(root, path.Join(group, "cpu.cfs_quota_us")), readLine(root, path.Join(group, "cpu.cfs_period_us")))
}

// ratio is 0 where there is no limit: "max", -1, or no file.
func ratio(quotaUS, periodUS string) float64 {
	q, err := strconv.ParseFloat(quotaUS, 64)
	p, err2 := strconv.ParseFloat(periodUS, 64)
	if err != nil || err2 != nil || q <= 0 || p <= 0 {
		return 0
	}
	return q / p
}

func hasWord(list, word string) bool {
	for _, w := range strings.Split(list, ",") {
		if w == word {
			return true
		}
	}
	return false
}

// cpuList reads "0-3,8" as 0 1 2 3 8; nil if it is not such a list.
func cpuList(text string) []int {
	var list []int
	for _, part := range strings.Split(strings.TrimSpace(text), ",") {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		a, err := strconv.Atoi(first)
		b, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil || a < 0 || b < a || b > 1<<16 {
			return nil
		}
		for cpu := a; cpu <= b; cpu++ {
			list = append(list, cpu)
		}
	}
	return list
}

func statusField(root fs.FS, key string) string { return field(root, "proc/self/status", key) }

func cpuModel(root fs.FS) string { return field(root, "proc/cpuinfo", "model name") }

// field is the value of the first line "key : value".
func field(root fs.FS, file, key string) string {
	f, err := root.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if k, v, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func readLine(root fs.FS, file string) string {
	data, err := fs.ReadFile(root, file)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(line)
}
