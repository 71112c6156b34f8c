package gocv

import (
	"strings"
	"testing"
)

// Both builds: either a version or the reason for having none.
func TestVersionOrExplanation(t *testing.T) {
	version, explanation := Version()
	if (version == "") == (explanation == "") {
		t.Fatalf("version %q, explanation %q: exactly one must be given", version, explanation)
	}
	if version != "" && (!strings.HasPrefix(version, "OpenCV 4.") || !strings.Contains(version, "gocv 0.")) {
		t.Errorf("version %q does not name OpenCV 4 and gocv", version)
	}
}
