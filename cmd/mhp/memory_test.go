//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

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
		cmd := program(b, "predict", big, "--json", filepath.Join(dir, "out.json"))
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		peak = max(peak, float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)*1024/1e6)
	}
	b.ReportMetric(peak, "MB-peak")
}

// BenchmarkMemory2000Pictures reports resident memory after 200 and after
// 2,000 pictures of one run, in MB.
func BenchmarkMemory2000Pictures(b *testing.B) {
	const pictures = 2000
	for b.Loop() {
		dir := b.TempDir()
		sample, err := filepath.Abs("../../testdata/sample/one.jpg")
		if err != nil {
			b.Fatal(err)
		}
		for i := range pictures {
			data, err := os.ReadFile(sample)
			if err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)+".jpg"), data, 0o644); err != nil {
				b.Fatal(err)
			}
		}
		early, late := residentMB(b, program(b, "predict", dir, "--json", "-"), 200, pictures)
		b.ReportMetric(early, "MB-at-200")
		b.ReportMetric(late, "MB-at-2000")
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
