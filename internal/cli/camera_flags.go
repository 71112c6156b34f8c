package cli

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"mhp/internal/camera"
	"mhp/internal/frame"
	"mhp/internal/geom"
)

// cameraFlags are the ways to say which camera took a picture.
type cameraFlags struct {
	focalPx string
	fovDeg  float64
	file    string
}

func (c *cameraFlags) bind(f *pflag.FlagSet) {
	f.StringVar(&c.focalPx, "focal-px", "", "focal length in px: f or fx,fy")
	f.Float64Var(&c.fovDeg, "fov-deg", 0, "field of view in degrees along the longer side of the picture")
	f.StringVar(&c.file, "camera", "", "camera file, JSON with fx, fy, cx, cy, k1, k2, p1, p2, k3 in px")
}

// intrinsics turns the flags into a camera for each picture. Without flags the
// photograph's own EXIF data decides, and where it says nothing, a usual field of view.
func (c *cameraFlags) intrinsics(set *pflag.FlagSet) (func(*frame.Frame) (geom.Intrinsics, error), error) {
	given := 0
	for _, name := range []string{"focal-px", "fov-deg", "camera"} {
		if set.Changed(name) {
			given++
		}
	}
	if given > 1 {
		return nil, usagef("give only one of --focal-px, --fov-deg and --camera")
	}
	switch {
	case set.Changed("focal-px"):
		fx, fy, err := parseFocalPx(c.focalPx)
		if err != nil {
			return nil, err
		}
		return func(f *frame.Frame) (geom.Intrinsics, error) {
			return camera.FromFocalPx(fx, fy, f.WidthPx, f.HeightPx)
		}, nil
	case set.Changed("fov-deg"):
		if _, err := camera.FromFOV(c.fovDeg, 1, 1); err != nil {
			return nil, usagef("--fov-deg: %w", err)
		}
		return func(f *frame.Frame) (geom.Intrinsics, error) {
			return camera.FromFOV(c.fovDeg, f.WidthPx, f.HeightPx)
		}, nil
	case set.Changed("camera"):
		return func(f *frame.Frame) (geom.Intrinsics, error) {
			return camera.FromFile(c.file, f.WidthPx, f.HeightPx)
		}, nil
	}
	return fromLens, nil
}

func fromLens(f *frame.Frame) (geom.Intrinsics, error) {
	lens := camera.Lens{
		FocalMM: f.Lens.FocalMM, Focal35MM: f.Lens.Focal35MM,
		SensorWidthMM: f.Lens.SensorWidthMM, SensorHeightMM: f.Lens.SensorHeightMM,
	}
	if k, ok := camera.FromLens(lens, f.WidthPx, f.HeightPx); ok {
		return k, nil
	}
	return camera.Default(f.WidthPx, f.HeightPx), nil
}

func parseFocalPx(text string) (fx, fy float64, err error) {
	parts := strings.Split(text, ",")
	if len(parts) == 1 {
		parts = append(parts, parts[0])
	}
	if len(parts) != 2 {
		return 0, 0, usagef("--focal-px %q is not f or fx,fy in px", text)
	}
	fx, errX := strconv.ParseFloat(strings.TrimSpace(parts[0]), 64)
	fy, errY := strconv.ParseFloat(strings.TrimSpace(parts[1]), 64)
	if errors.Join(errX, errY) != nil {
		return 0, 0, usagef("--focal-px %q is not f or fx,fy in px", text)
	}
	if _, err := camera.FromFocalPx(fx, fy, 1, 1); err != nil {
		return 0, 0, usagef("--focal-px: %w", err)
	}
	return fx, fy, nil
}
