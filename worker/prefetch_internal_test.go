package worker

import "testing"

func TestPrefetchNeverStarvesAGoroutine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		queue       Queue
		concurrency int
		want        int
	}{
		{"by default it is twice the concurrency", Queue{}, 3, 6},
		{"with priorities it is the concurrency", Queue{MaxPriority: 5}, 3, 3},
		{"a prefetch of one's own holds", Queue{Prefetch: 10}, 3, 10},
		{"a concurrency raised above the prefetch raises it too", Queue{Prefetch: 10}, 12, 12},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.queue.prefetch(tt.concurrency); got != tt.want {
				t.Errorf("prefetch is %d, want %d", got, tt.want)
			}
		})
	}
}
