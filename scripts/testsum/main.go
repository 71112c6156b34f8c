// Command testsum reads what "go test -json" prints, shows what a person needs
// of it, and counts.
//
//	go test -json ./... | testsum -counts FILE
//
// Each package gets one line; a test that failed gets its output; each reason
// for skipping is shown once. FILE receives "passed failed skipped". Only
// top-level tests count. The exit status is 1 when anything failed, or when no
// test ran at all.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one line of "go test -json", see "go doc test2json".
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64 // seconds
}

// counts are numbers of top-level tests; a package that failed without a
// failing test (it did not build, or it crashed) is one failure.
type counts struct{ passed, failed, skipped int }

// key names a test, or with an empty test a package.
type key struct{ pkg, test string }

type summer struct {
	out     io.Writer
	total   counts
	perPkg  map[string]counts
	output  map[key]*strings.Builder
	reasons map[string]bool
}

// sum reads events to their end; a line that is no event is passed on.
func sum(in io.Reader, out io.Writer) (counts, error) {
	s := &summer{
		out: out, perPkg: map[string]counts{}, output: map[key]*strings.Builder{}, reasons: map[string]bool{},
	}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				fmt.Fprintf(out, "%s", line)
			} else {
				s.event(e)
			}
		}
		if err == io.EOF {
			return s.total, nil
		}
		if err != nil {
			return s.total, err
		}
	}
}

func (s *summer) event(e event) {
	k := key{e.Package, topLevel(e.Test)}
	switch e.Action {
	case "output":
		s.log(k).WriteString(e.Output)
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.packageDone(e)
		} else if e.Test == k.test {
			s.testDone(e, k)
		}
	}
}

func topLevel(test string) string {
	name, _, _ := strings.Cut(test, "/")
	return name
}

func (s *summer) log(k key) *strings.Builder {
	if s.output[k] == nil {
		s.output[k] = &strings.Builder{}
	}
	return s.output[k]
}

func (s *summer) testDone(e event, k key) {
	c := s.perPkg[e.Package]
	switch e.Action {
	case "pass":
		c.passed++
	case "skip":
		c.skipped++
	case "fail":
		c.failed++
		fmt.Fprint(s.out, essence(s.log(k).String()))
	}
	s.perPkg[e.Package] = c
	s.showReasons(s.log(k).String())
	delete(s.output, k)
}

// essence drops the lines that only follow a test's course: what is left is
// what failed and why.
func essence(log string) string {
	var kept strings.Builder
	for line := range strings.Lines(log) {
		text := strings.TrimSpace(line)
		if !strings.HasPrefix(text, "=== ") && !strings.HasPrefix(text, "--- PASS") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// showReasons prints what t.Skip was given: the line before each "--- SKIP".
func (s *summer) showReasons(log string) {
	lines := strings.Split(log, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(strings.TrimSpace(line), "--- SKIP") || i == 0 {
			continue
		}
		reason := strings.TrimSpace(lines[i-1])
		if strings.HasPrefix(reason, "===") && i+1 < len(lines) {
			reason = strings.TrimSpace(lines[i+1])
		}
		if !s.reasons[reason] {
			s.reasons[reason] = true
			fmt.Fprintf(s.out, "     skipped: %s\n", reason)
		}
	}
}

func (s *summer) packageDone(e event) {
	c := s.perPkg[e.Package]
	if e.Action == "fail" && c.failed == 0 {
		c.failed = 1
		fmt.Fprintf(s.out, "%s", s.log(key{e.Package, ""}))
		// A crash leaves its story with the test that was running.
		for k, text := range s.output {
			if k.pkg == e.Package && k.test != "" {
				fmt.Fprintf(s.out, "%s", text)
			}
		}
	}
	s.total.passed += c.passed
	s.total.failed += c.failed
	s.total.skipped += c.skipped
	if c == (counts{}) {
		return // no test files
	}
	verdict := "ok  "
	if c.failed > 0 {
		verdict = "FAIL"
	}
	fmt.Fprintf(s.out, "%s %-36s %3d passed %2d failed %2d skipped %6.1f s\n",
		verdict, e.Package, c.passed, c.failed, c.skipped, e.Elapsed)
}

func main() {
	file := flag.String("counts", "", "write \"passed failed skipped\" to this `file`")
	flag.Parse()
	total, err := sum(os.Stdin, os.Stdout)
	if err == nil && *file != "" {
		text := fmt.Sprintf("%d %d %d\n", total.passed, total.failed, total.skipped)
		err = os.WriteFile(*file, []byte(text), 0o666)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum: error:", err)
		os.Exit(1)
	}
	if total.failed > 0 || total.passed == 0 {
		os.Exit(1)
	}
}
