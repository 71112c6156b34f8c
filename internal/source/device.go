package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ErrDevice says that a camera cannot be had.
var ErrDevice = errors.New("the camera cannot be opened")

// DeviceError is a camera that does not open, with those that exist.
type DeviceError struct {
	Device  string
	Problem string
	Remedy  string
	Cameras []Camera
}

// Error names the device, the problem, and the cameras there are.
func (e *DeviceError) Error() string {
	return fmt.Sprintf("%s: %s; %s", e.Device, e.Problem, listCameras(e.Cameras))
}

// Hint says what to do.
func (e *DeviceError) Hint() string { return e.Remedy }

// Unwrap gives ErrDevice.
func (e *DeviceError) Unwrap() error { return ErrDevice }

func listCameras(cameras []Camera) string {
	if len(cameras) == 0 {
		return "no camera was found"
	}
	var names []string
	for _, c := range cameras {
		name := c.Device
		if c.Name != "" {
			name += " (" + c.Name + ")"
		}
		names = append(names, name)
	}
	return "cameras found: " + strings.Join(names, ", ")
}

// DevicePath is the device that "0" or "/dev/video0" names.
func DevicePath(device string) (string, error) {
	if strings.HasPrefix(device, "/") {
		return device, nil
	}
	index, err := strconv.Atoi(device)
	if err != nil || index < 0 {
		return "", fmt.Errorf("camera %q is neither a number from 0 on nor a device such as /dev/video0", device)
	}
	return "/dev/video" + device, nil
}

// WhyNoDevice says why a device that was tried and refused does not open:
// probe tries to open it and cameras are those that exist.
func WhyNoDevice(device string, cameras []Camera, probe func(path string) error) error {
	e := &DeviceError{Device: device, Cameras: cameras}
	err := probe(device)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Problem = "there is no such device"
		e.Remedy = "plug the camera in, or give the number or path of one that is listed; in a container, pass the device on (--device " + device + ")"
		if len(cameras) == 0 {
			e.Remedy = "plug a camera in; in a container, pass the device on (--device " + device + ")"
		}
	case errors.Is(err, fs.ErrPermission):
		e.Problem = "you may not use it"
		e.Remedy = "add yourself to the group that owns it (sudo usermod -aG video $USER) and log in again"
	case errors.Is(err, syscall.EBUSY):
		e.Problem = "it is in use by another program"
		e.Remedy = "close the other program (fuser " + device + " names it)"
	case err != nil:
		e.Problem = "it cannot be opened: " + plain(err)
		e.Remedy = "unplug the camera and plug it in again"
	default:
		e.Problem = "it opens, but gives no pictures"
		e.Remedy = "another program may be using it (fuser " + device + " names it), it may not be a camera's picture device, or it may not know --size and --fps: try without them"
	}
	return e
}

// ProbeDevice opens a device for reading and writing, as a camera needs, and closes it again.
func ProbeDevice(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	return f.Close()
}
