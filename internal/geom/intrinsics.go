package geom

// Intrinsics is a pinhole camera with OpenCV's distortion model, for the
// upright picture in px.
type Intrinsics struct {
	FxPx, FyPx float64    // focal length
	CxPx, CyPx float64    // principal point
	Distortion [5]float64 // k1, k2, p1, p2, k3
	Source     string     // where the figures come from: "focal-px", "fov-deg", "file", "exif-35mm", "exif-sensor" or "default-fov"
}

// Distorted tells whether any distortion coefficient is set.
func (k Intrinsics) Distorted() bool { return k.Distortion != [5]float64{} }
