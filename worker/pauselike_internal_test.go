package worker

import (
	"testing"

	"github.com/warren-mq/warren/message"
)

func byKey(m *message.Message) string { return m.RoutingKey }

func TestPauseLikeTakesOverHowTheOtherQueueIsPaused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set            func(q *Subscription)
		paused, absent bool
	}{
		"not":                     {(*Subscription).Resume, false, false},
		"paused":                  {(*Subscription).Pause, true, false},
		"paused and not declared": {(*Subscription).leave, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := New(Config{})
			old, q := w.Queue(Queue{Name: "old"}), w.Queue(Queue{Name: "new", OrderBy: byKey, Partitions: 2})
			q.Pause()
			tt.set(old)
			q.PauseLike(old)
			for _, one := range append(q.partitions, q) {
				if paused, _ := one.wanted(); paused != tt.paused && one == q || one.isAbsent() != tt.absent {
					t.Errorf("%s: paused %v, absent %v, want %v, %v", one.queueName(), paused, one.isAbsent(), tt.paused, tt.absent)
				}
			}
		})
	}
}
