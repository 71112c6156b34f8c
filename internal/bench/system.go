package bench

import (
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// SystemLoad is what else the machine did during a benchmark.
type SystemLoad struct {
	// OtherCores is how many cores' time other processes used, on average; -1 where the system does not tell.
	OtherCores float64 `json:"other_cores"`
	// Steal is the share of time that the host gave to other machines; -1 where the system does not tell.
	Steal        float64 `json:"steal"`
	PeakMemoryMB float64 `json:"peak_memory_mb"` // of this process, in 1e6 bytes; 0 where the system does not tell
}

// Snapshot is the system's and the process's counters at one moment.
type Snapshot struct {
	busy, steal, total float64 // seconds of all processors together
	own                time.Duration
	at                 time.Time
	ok                 bool
}

// ticksPerSecond is the unit of /proc/stat (USER_HZ), 100 on every Linux there is.
const ticksPerSecond = 100

// TakeSnapshot reads the counters; root is the system's file tree.
func TakeSnapshot(root fs.FS) Snapshot {
	s := Snapshot{own: CPUTime(), at: time.Now()}
	data, err := fs.ReadFile(root, "proc/stat")
	if err != nil {
		return s
	}
	line, _, _ := strings.Cut(string(data), "\n")
	fields := strings.Fields(line) // cpu user nice system idle iowait irq softirq steal ...
	if len(fields) < 9 || fields[0] != "cpu" {
		return s
	}
	const idle, iowait, steal, last = 4, 5, 8, 8
	for i := 1; i <= last; i++ {
		ticks, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return s
		}
		seconds := ticks / ticksPerSecond
		s.total += seconds
		switch i {
		case idle, iowait:
		case steal:
			s.steal += seconds
		default:
			s.busy += seconds
		}
	}
	s.ok = true
	return s
}

// Since is what the machine did between two snapshots.
func (s Snapshot) Since(before Snapshot) SystemLoad {
	l := SystemLoad{OtherCores: -1, Steal: -1, PeakMemoryMB: PeakMemoryMB()}
	wall := s.at.Sub(before.at).Seconds()
	if !s.ok || !before.ok || wall <= 0 || s.total <= before.total {
		return l
	}
	own := (s.own - before.own).Seconds()
	l.OtherCores = max(0, (s.busy-before.busy-own)/wall)
	l.Steal = (s.steal - before.steal) / (s.total - before.total)
	return l
}
