package eval

// printed is where the rows of MobileHumanPose and its rivals were read.
const printed = "Choi et al., MobileHumanPose, CVPRW 2021, as the official repository shows its tables"

// PaperH36M are published figures on Human3.6M: MPJPE by protocol 2, rigid
// PA-MPJPE by protocol 1.
func PaperH36M(protocol int) ([]string, []PaperRow) {
	metric := MPJPE
	rows := []PaperRow{
		{"MobileHumanPose L", map[string]float64{MPJPE: 51.4, PARigid: 35.2}, printed},
		{"MobileHumanPose S", map[string]float64{MPJPE: 56.9, PARigid: 35.7}, printed},
		{"MobileHumanPose XS", map[string]float64{MPJPE: 69.6}, printed},
		{"3DMPPE ResNet-50", map[string]float64{MPJPE: 53.3}, printed},
		{"MoVNect", map[string]float64{MPJPE: 97.3}, printed},
		{"ConvNeXtPose-M", map[string]float64{MPJPE: 51.1}, "as its authors print"},
		{"ConvNeXtPose-L", map[string]float64{MPJPE: 49.8}, "as its authors print"},
		{"Mobile-LRPose", map[string]float64{MPJPE: 60.4}, "as its authors print"},
	}
	if protocol == 1 {
		metric = PARigid
	}
	var kept []PaperRow
	for _, r := range rows {
		if _, ok := r.Values[metric]; ok {
			kept = append(kept, PaperRow{r.Name, map[string]float64{metric: r.Values[metric]}, r.Source})
		}
	}
	return []string{metric}, kept
}

// PaperMuPoTS are published figures on MuPoTS-3D, root relative.
func PaperMuPoTS() ([]string, []PaperRow) {
	return []string{RelativeAll}, []PaperRow{
		{"MobileHumanPose L", map[string]float64{RelativeAll: 79.6}, printed},
		{"MobileHumanPose S", map[string]float64{RelativeAll: 77.6}, printed},
	}
}
