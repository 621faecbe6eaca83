package console

import (
	"slices"
	"sync"
	"time"
)

// maxSamples is how many samples a chart has: six minutes.
const maxSamples = 120

// sample is what a queue did at one time. The rates are per second.
type sample struct {
	At    time.Time `json:"at"`
	OK    float64   `json:"ok_per_second"`
	Retry float64   `json:"retry_per_second"`
	Dead  float64   `json:"dead_per_second"`
	Ready int       `json:"ready"`
	DLQ   int       `json:"dead_letters"`
}

func (s *sample) add(o sample) {
	s.OK += o.OK
	s.Retry += o.Retry
	s.Dead += o.Dead
	s.Ready += o.Ready
	s.DLQ += o.DLQ
}

// histories are the latest samples of each queue, and with an empty name of all queues.
type histories struct {
	mu  sync.Mutex
	all map[string][]sample
}

// note adds the samples of a snapshot, and forgets queues that it does not have.
func (h *histories) note(s *snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := make(map[string][]sample, len(s.Queues)+1)
	put := func(name string, one sample) {
		all := append(slices.Clip(h.all[name]), one) // a snapshot may still read the array
		next[name] = all[max(0, len(all)-maxSamples):]
	}
	for i := range s.Queues {
		put(s.Queues[i].Name, s.Queues[i].sample(s.At))
	}
	put("", s.Total)
	h.all = next
}

// of returns the samples of a queue, which are not changed afterwards.
func (h *histories) of(name string) []sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[name]
}
