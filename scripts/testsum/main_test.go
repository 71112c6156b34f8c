package main

import (
	"strings"
	"testing"
)

func TestSum(t *testing.T) {
	tests := []struct {
		name string
		in   []string
		want counts
		show []string // parts of what is printed
		hide []string // parts of what is not
	}{
		{
			name: "pass, with subtests that do not count",
			in: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"chatter\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA/one"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
				`{"Action":"pass","Package":"p","Elapsed":0.5}`,
			},
			want: counts{passed: 1}, show: []string{"ok   p", "0.5 s"}, hide: []string{"chatter"},
		},
		{
			name: "a failing test shows its output, its subtests' too",
			in: []string{
				`{"Action":"output","Package":"p","Test":"TestA/one","Output":"=== RUN   TestA/one\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA/one","Output":"why\n"}`,
				`{"Action":"fail","Package":"p","Test":"TestA/one"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want: counts{failed: 1}, show: []string{"why", "FAIL p"}, hide: []string{"=== RUN"},
		},
		{
			name: "a reason for skipping is shown once",
			in: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: no camera\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestA"}`,
				`{"Action":"pass","Package":"p"}`,
			},
			want: counts{skipped: 1}, show: []string{"skipped: a_test.go:1: no camera"},
		},
		{
			name: "a package that does not build is a failure",
			in: []string{
				`{"ImportPath":"p","Action":"build-output","Output":"p.go:1: syntax error\n"}`,
				`{"ImportPath":"p","Action":"build-fail"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want: counts{failed: 1}, show: []string{"syntax error", "FAIL p"},
		},
		{
			name: "a crash tells its story",
			in: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"SIGSEGV\n"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want: counts{failed: 1}, show: []string{"SIGSEGV"},
		},
		{
			name: "a package without tests is silent, other text is passed on",
			in:   []string{"go: downloading", `{"Action":"skip","Package":"p"}`},
			show: []string{"go: downloading"}, hide: []string{" p "},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			got, err := sum(strings.NewReader(strings.Join(tt.in, "\n")), &out)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("counts %+v, want %+v", got, tt.want)
			}
			for _, part := range tt.show {
				if !strings.Contains(out.String(), part) {
					t.Errorf("output lacks %q:\n%s", part, &out)
				}
			}
			for _, part := range tt.hide {
				if strings.Contains(out.String(), part) {
					t.Errorf("output has %q:\n%s", part, &out)
				}
			}
		})
	}
}
