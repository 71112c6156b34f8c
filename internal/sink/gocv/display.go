//go:build !lite

package gocv

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"time"
)

// reachable tells whether an X server answers at the display. OpenCV's window
// library ends the whole program where none does, so it must be known before.
func reachable(display string) error {
	switch runtime.GOOS {
	case "windows":
		return nil
	case "darwin":
		return &DisplayError{errors.New("macOS lets only a program's first thread open windows, which this one's is not")}
	}
	if display == "" {
		return &DisplayError{errors.New("there is no screen (the variable DISPLAY is empty)")}
	}
	host, number, ok := strings.Cut(display, ":")
	number, _, _ = strings.Cut(number, ".")
	if !ok || number == "" {
		return &DisplayError{fmt.Errorf("DISPLAY=%q names no screen", display)}
	}
	var ways [][2]string
	if host == "" || host == "unix" {
		ways = [][2]string{{"unix", "/tmp/.X11-unix/X" + number}, {"unix", "@/tmp/.X11-unix/X" + number}}
	} else {
		var n int
		if _, err := fmt.Sscan(number, &n); err != nil {
			return &DisplayError{fmt.Errorf("DISPLAY=%q names no screen", display)}
		}
		ways = [][2]string{{"tcp", net.JoinHostPort(host, fmt.Sprint(6000+n))}}
	}
	var err error
	for _, way := range ways {
		var c net.Conn
		if c, err = net.DialTimeout(way[0], way[1], 3*time.Second); err == nil {
			return c.Close()
		}
	}
	return &DisplayError{fmt.Errorf("no screen answers at DISPLAY=%s: %w", display, err)}
}
