package ort

import (
	"runtime"
	"testing"
	"testing/fstest"
)

func TestCountCPUs(t *testing.T) {
	hyper := map[string]string{ // 2 cores, 4 threads
		"proc/self/status": "Name:\tmhp\nCpus_allowed_list:\t0-3\n",
		"proc/cpuinfo":     "processor\t: 0\nmodel name\t: Some CPU\n",
		"sys/devices/system/cpu/cpu0/topology/thread_siblings_list": "0,2\n",
		"sys/devices/system/cpu/cpu1/topology/thread_siblings_list": "1,3\n",
		"sys/devices/system/cpu/cpu2/topology/thread_siblings_list": "0,2\n",
		"sys/devices/system/cpu/cpu3/topology/thread_siblings_list": "1,3\n",
	}
	tests := []struct {
		name    string
		files   map[string]string
		want    CPUs
		threads int
	}{
		{"nothing known", nil, CPUs{Logical: 8, Physical: 8}, 8},
		{"hyper-threads", hyper, CPUs{4, 2, 0, "Some CPU"}, 2},
		{"pinned to two threads of one core", more(hyper, "proc/self/status", "Cpus_allowed_list:\t0,2\n"), CPUs{2, 1, 0, "Some CPU"}, 1},
		{"no topology", map[string]string{"proc/self/status": "Cpus_allowed_list:\t0-5\n"}, CPUs{Logical: 6, Physical: 6}, 6},
		{"unreadable list", map[string]string{"proc/self/status": "Cpus_allowed_list:\t3-1\n"}, CPUs{Logical: 8, Physical: 8}, 8},
		{"version 2, own group", more(hyper, "proc/self/cgroup", "0::/\n", "sys/fs/cgroup/cpu.max", "150000 100000\n"), CPUs{4, 2, 1.5, "Some CPU"}, 1},
		{"version 2, no limit", more(hyper, "proc/self/cgroup", "0::/a\n", "sys/fs/cgroup/a/cpu.max", "max 100000\n"), CPUs{4, 2, 0, "Some CPU"}, 2},
		{"version 2, limit above", more(hyper, "proc/self/cgroup", "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max", "400000 100000\n", "sys/fs/cgroup/a/cpu.max", "100000 100000\n"), CPUs{4, 2, 1, "Some CPU"}, 1},
		{"less than one", more(hyper, "proc/self/cgroup", "0::/\n", "sys/fs/cgroup/cpu.max", "50000 100000\n"), CPUs{4, 2, 0.5, "Some CPU"}, 1},
		{"version 1", more(hyper, "proc/self/cgroup", "4:memory:/x\n3:cpu,cpuacct:/docker/abc\n", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "300000\n", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"), CPUs{4, 2, 3, "Some CPU"}, 2},
		{"version 1, no limit", more(hyper, "proc/self/cgroup", "3:cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"), CPUs{4, 2, 0, "Some CPU"}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := fstest.MapFS{}
			for name, text := range test.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			got := countCPUs(root, 8)
			if got != test.want || got.Threads() != test.threads {
				t.Errorf("got %+v and %d threads, want %+v and %d", got, got.Threads(), test.want, test.threads)
			}
		})
	}
}

func more(files map[string]string, changes ...string) map[string]string {
	out := map[string]string{}
	for k, v := range files {
		out[k] = v
	}
	for i := 0; i < len(changes); i += 2 {
		out[changes[i]] = changes[i+1]
	}
	return out
}

func TestCountCPUsHere(t *testing.T) {
	c := CountCPUs()
	if c.Physical < 1 || c.Physical > c.Logical || c.Threads() < 1 || c.Threads() > runtime.NumCPU() {
		t.Errorf("got %+v, %d threads", c, c.Threads())
	}
	t.Logf("%+v, %d threads", c, c.Threads())
}
