package demo

import "time"

// meter computes the recent rate of a counter: its growth over the last few samples.
type meter struct {
	at []time.Time
	n  []int64
}

// looks is the number of samples that the rate is computed from.
const looks = 6

// look records the count as a sample, and returns its growth per second.
func (m *meter) look(now time.Time, n int64) (rate float64) {
	m.at, m.n = append(m.at, now), append(m.n, n)
	if len(m.at) > looks {
		m.at, m.n = m.at[1:], m.n[1:]
	}
	took := now.Sub(m.at[0]).Seconds()
	if took <= 0 {
		return 0
	}
	return float64(n-m.n[0]) / took
}
