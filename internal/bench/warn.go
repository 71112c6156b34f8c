package bench

import "fmt"

// The limits from which a figure is worth a warning.
const (
	warnOtherCores = 0.2
	warnSteal      = 0.01
	warnSpread     = 1.5 // p90 over p50
)

// Warn fills in the report's warnings from its figures: what makes them worth
// less, and settings that cost speed.
func (r *Report) Warn() {
	add := func(format string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...)) }
	cores := float64(r.Machine.PhysicalCores)
	if q := r.Machine.QuotaCores; q > 0 {
		cores = min(cores, q)
	}
	told := map[int]bool{}
	for _, x := range r.Results {
		if float64(x.Threads) > cores && !told[x.Threads] {
			told[x.Threads] = true
			add("%d threads on %g cores: threads wait for one another", x.Threads, cores)
		}
	}
	if r.Load.OtherCores > warnOtherCores {
		add("other processes used %.1f cores meanwhile: the figures are too slow by an unknown amount, ratios within this report less so", r.Load.OtherCores)
	}
	if r.Load.Steal > warnSteal {
		add("the host gave %.0f %% of this machine's time to others (steal)", 100*r.Load.Steal)
	}
	noisy := 0
	for _, x := range r.Results {
		if x.MS.P90 > warnSpread*x.MS.P50 {
			noisy++
		}
	}
	if noisy > 0 {
		add("in %d of %d settings one run in ten takes %.1f times the median or longer: something disturbs", noisy, len(r.Results), warnSpread)
	}
	r.warnSlowAccelerator(add)
	for _, m := range r.Models {
		if !m.Trained {
			add("%s is NOT TRAINED: its speed is real, its joints mean nothing", m.Name)
		}
	}
}

// warnSlowAccelerator compares each accelerator's best with the CPU's best.
func (r *Report) warnSlowAccelerator(add func(string, ...any)) {
	best := map[[2]string]float64{} // by model and provider
	var order [][2]string
	for _, x := range r.Results {
		if x.Kind == KindNetwork {
			key := [2]string{x.Model, x.Provider}
			if _, seen := best[key]; !seen {
				order = append(order, key)
			}
			best[key] = max(best[key], x.People)
		}
	}
	for _, key := range order {
		cpu := best[[2]string{key[0], "cpu"}]
		if key[1] != "cpu" && cpu > best[key] {
			add("%s runs %.1f times as fast on the CPU as on %s: use --provider cpu", key[0], cpu/best[key], key[1])
		}
	}
}
