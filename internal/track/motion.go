package track

import "math"

// motion is where something is along one axis and how fast it goes: a Kalman
// filter of constant velocity, driven by accelerations of a known strength.
type motion struct {
	p, v          float64
	pp, pv, vv    float64 // covariance of p and v
	accelVariance float64 // of the acceleration, per second^2
}

// newMotion stands still at p: nothing is known of the speed but its usual spread.
func newMotion(p, noise, speed, accel float64) motion {
	return motion{p: p, pp: noise * noise, vv: speed * speed, accelVariance: accel * accel}
}

// predict moves on by dt seconds.
func (m *motion) predict(dt float64) {
	m.p += m.v * dt
	q := m.accelVariance
	m.pp += dt*(2*m.pv+dt*m.vv) + q*dt*dt*dt*dt/4
	m.pv += dt*m.vv + q*dt*dt*dt/2
	m.vv += q * dt * dt
}

// update takes in that the thing was seen at p, give or take noise.
func (m *motion) update(p, noise float64) {
	s := m.pp + noise*noise
	if !(s > 0) {
		return
	}
	kp, kv := m.pp/s, m.pv/s
	off := p - m.p
	m.p += kp * off
	m.v += kv * off
	m.vv -= kv * m.pv
	m.pv *= 1 - kp
	m.pp *= 1 - kp
}

// slow lets the speed fade, as of somebody out of sight: with time constant tau seconds.
func (m *motion) slow(dt, tau float64) { m.v *= math.Exp(-dt / tau) }
