package demo

import "time"

// meter tells the pace of a count of late: its growth over the last few looks.
type meter struct {
	at []time.Time
	n  []int64
}

// looks is over how many looks the pace is taken.
const looks = 6

// look notes the count, and returns how much it grows in a second.
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
