package bench

import "sort"

// ProfileOf sums up nodes by operator, the slowest first; at gives node i in
// the order of execution, its time in ms a run. The setting's provider becomes
// the one that took the most time.
func ProfileOf(s Setting, nodes int, at func(i int) (op, provider string, ms float64)) Profile {
	p := Profile{Setting: s, Nodes: nodes}
	index, byProvider := map[[2]string]int{}, map[string]float64{}
	total, previous := 0.0, ""
	for i := range nodes {
		op, provider, took := at(i)
		key := [2]string{op, provider}
		k, seen := index[key]
		if !seen {
			k = len(p.Ops)
			index[key] = k
			p.Ops = append(p.Ops, OpTime{Op: op, Provider: provider})
		}
		p.Ops[k].Nodes++
		p.Ops[k].MS += took
		total += took
		byProvider[provider] += took
		switch {
		case provider == "cpu":
			p.OnCPU++
		case provider != previous:
			p.Partitions++
		}
		previous = provider
	}
	for k := range p.Ops {
		if total > 0 {
			p.Ops[k].Share = p.Ops[k].MS / total
		}
	}
	sort.SliceStable(p.Ops, func(i, j int) bool { return p.Ops[i].MS > p.Ops[j].MS })
	most := -1.0
	for _, o := range p.Ops {
		if byProvider[o.Provider] > most {
			most, p.Provider = byProvider[o.Provider], o.Provider
		}
	}
	return p
}

// Rate fills in what the convolutions of so many multiply-adds achieve. A
// provider that runs whole partitions shows no convolutions.
func (p *Profile) Rate(convAdds int64, peakGFLOPS float64) {
	took := 0.0
	for _, o := range p.Ops {
		if o.Op == "Conv" || o.Op == "FusedConv" {
			took += o.MS
		}
	}
	if took == 0 || convAdds == 0 {
		return
	}
	p.ConvGFLOPS = 2 * float64(convAdds) / (took * 1e6)
	if peakGFLOPS > 0 {
		p.ConvOfPeak = p.ConvGFLOPS / peakGFLOPS
	}
}
