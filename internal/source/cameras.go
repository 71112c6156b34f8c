package source

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Camera is a device that can be filmed with.
type Camera struct {
	Device string // "/dev/video0"
	Name   string // as the driver calls it; may be empty
}

// Cameras lists the machine's Video4Linux cameras in natural order. There are
// none where the system is not Linux.
func Cameras() []Camera { return camerasIn("/sys/class/video4linux", "/dev") }

// camerasIn looks at each device's name and index below sys. A webcam has
// several nodes, of which those with an index above 0 carry no pictures.
func camerasIn(sys, dev string) []Camera {
	nodes, err := filepath.Glob(filepath.Join(sys, "video*"))
	if err != nil {
		return nil
	}
	slices.SortFunc(nodes, compareNatural)
	var cameras []Camera
	for _, node := range nodes {
		device := filepath.Join(dev, filepath.Base(node))
		if _, err := os.Stat(device); err != nil {
			continue // the device is not passed on, as in a container
		}
		if index := firstLine(filepath.Join(node, "index")); index != "" && index != "0" {
			continue
		}
		cameras = append(cameras, Camera{Device: device, Name: firstLine(filepath.Join(node, "name"))})
	}
	return cameras
}

// firstLine is the text of a one-line file, empty where it cannot be read.
func firstLine(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(line)
}
