package postprocess

import "math"

// Volume reads one person's heat volume [J*D, H, W], as it is before the
// softmax, into dst [J]: softmax over D*H*W together, then the expected index
// along each axis; the score is the softmax's largest value.
//
// A value that is not a number or is -Inf counts nothing. If a joint has +Inf,
// its point is the mean of those cells; if it has nothing that counts, it is
// the middle of the volume with score 0. The point is thus always inside.
func (d *Decoder) Volume(dst []HeatPoint, volume []float32) {
	d.points, d.volume = dst[:d.joints], volume[:d.joints*d.cells()]
	d.next.Store(0)
	for range min(d.Threads, d.joints) - 1 {
		d.group.Add(1)
		go d.help()
	}
	d.takeJoints()
	d.group.Wait()
	d.points, d.volume = nil, nil
}

// cells is the number of cells of one joint's volume.
func (d *Decoder) cells() int { return d.spec.DepthBins * d.spec.HeatH * d.spec.HeatW }

// takeJoints decodes joints that no other goroutine has taken, until none is left.
func (d *Decoder) takeJoints() {
	n := d.cells()
	for {
		j := int(d.next.Add(1)) - 1
		if j >= d.joints {
			return
		}
		d.points[j] = d.joint(d.volume[j*n : (j+1)*n])
	}
}

// joint decodes one joint's volume [D, H, W].
func (d *Decoder) joint(volume []float32) HeatPoint {
	peak := largest(volume)
	if math.IsInf(float64(peak), -1) {
		return d.middle()
	}
	if math.IsInf(float64(peak), 1) {
		return d.infinite(volume)
	}
	width, height := d.spec.HeatW, d.spec.HeatH
	var all, sumX, sumY, sumZ float64
	for z := range d.spec.DepthBins {
		var slice, sliceY float64
		for y := range height {
			row := volume[:width]
			volume = volume[width:]
			weight, weightX := softRow(row, peak, d.floor)
			slice += float64(weight)
			sliceY += float64(weight) * float64(y)
			sumX += float64(weightX)
		}
		all += slice
		sumY += sliceY
		sumZ += slice * float64(z)
	}
	return d.inside(HeatPoint{X: sumX / all, Y: sumY / all, Z: sumZ / all, Score: 1 / all})
}

// largest is the largest value, numbers only; -Inf if there is none.
func largest(values []float32) float32 {
	peak := float32(math.Inf(-1))
	for len(values) >= 4 {
		if values[0] > peak {
			peak = values[0]
		}
		if values[1] > peak {
			peak = values[1]
		}
		if values[2] > peak {
			peak = values[2]
		}
		if values[3] > peak {
			peak = values[3]
		}
		values = values[4:]
	}
	for _, v := range values {
		if v > peak {
			peak = v
		}
	}
	return peak
}

// infinite is the mean of the cells that hold +Inf: the limit of the softmax.
func (d *Decoder) infinite(volume []float32) HeatPoint {
	var n, x, y, z float64
	for i, v := range volume {
		if math.IsInf(float64(v), 1) {
			n++
			x += float64(i % d.spec.HeatW)
			y += float64(i / d.spec.HeatW % d.spec.HeatH)
			z += float64(i / d.spec.HeatW / d.spec.HeatH)
		}
	}
	return HeatPoint{X: x / n, Y: y / n, Z: z / n, Score: 1 / n}
}
