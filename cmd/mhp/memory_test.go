//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/disintegration/imaging"
)

// BenchmarkMemory12MP reports the program's peak resident memory on one
// picture of 12 megapixels, in MB (1e6 bytes).
func BenchmarkMemory12MP(b *testing.B) {
	dir := b.TempDir()
	sample, err := imaging.Open("../../testdata/sample/one.jpg")
	if err != nil {
		b.Fatal(err)
	}
	big := filepath.Join(dir, "big.jpg")
	if err := imaging.Save(imaging.Resize(sample, 4000, 3000, imaging.Linear), big); err != nil {
		b.Fatal(err)
	}
	peak := 0.0
	for b.Loop() {
		cmd := program(b, "predict", big, "--detector", "none", "--json", filepath.Join(dir, "out.json"))
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		peak = max(peak, float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)*1024/1e6)
	}
	b.ReportMetric(peak, "MB-peak")
}

// BenchmarkMemoryManyPictures reports resident memory after 200 and after
// 2,000 pictures of one run, or as many as MHP_PICTURES says, in MB.
func BenchmarkMemoryManyPictures(b *testing.B) {
	const early = 200
	pictures := 2000
	if text := os.Getenv("MHP_PICTURES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n <= early {
			b.Fatalf("MHP_PICTURES is %q, not a number above %d", text, early)
		}
		pictures = n
	}
	sample, err := imaging.Open("../../testdata/sample/one.jpg")
	if err != nil {
		b.Fatal(err)
	}
	var data bytes.Buffer
	const sidePx = 400 // so that 20,000 files fit a disk
	if err := imaging.Encode(&data, imaging.Resize(sample, sidePx, 0, imaging.Linear), imaging.JPEG); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		dir := b.TempDir()
		for i := range pictures {
			if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)+".jpg"), data.Bytes(), 0o644); err != nil {
				b.Fatal(err)
			}
		}
		first, last := residentMB(b, program(b, "predict", dir, "--detector", "none", "--json", "-"), early, pictures)
		b.ReportMetric(first, "MB-at-200")
		b.ReportMetric(last, "MB-at-end")
		b.ReportMetric(float64(pictures), "pictures")
	}
}

// BenchmarkStart reports how long the program takes to say its version, and to
// its first result: from its start to its end on one picture.
func BenchmarkStart(b *testing.B) {
	for name, args := range map[string][]string{
		"version": {"--version"},
		"first":   {"predict", "testdata/sample/one.jpg", "--detector", "none", "--json", "-"},
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				if out, err := program(b, args...).CombinedOutput(); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "ms-median")
			b.ReportMetric(float64(took[0].Microseconds())/1e3, "ms-best")
		})
	}
}

// residentMB runs cmd, which prints a line a picture, and reads its memory at two of them.
func residentMB(b *testing.B, cmd *exec.Cmd, first, last int) (early, late float64) {
	b.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for n := 1; n <= last; n++ {
		if _, err := lines.ReadString('\n'); err != nil {
			b.Fatalf("picture %d: %v", n, err)
		}
		if n == first {
			early = resident(b, cmd.Process.Pid)
		}
		if n == last-1 {
			late = resident(b, cmd.Process.Pid)
		}
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return early, late
}

func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		if fields := strings.Fields(string(line)); fields[0] == "VmRSS:" {
			kib, err := strconv.ParseFloat(fields[1], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kib * 1024 / 1e6
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
