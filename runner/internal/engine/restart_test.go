package engine_test

import "testing"

// TestARestartedQueueKeepsWhatAnOperatorHasSet until a reload changes the same setting.
func TestARestartedQueueKeepsWhatAnOperatorHasSet(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		from, to string
		set      func(r *running)
		want     string
	}{
		"it stays paused":                   {"", "prefetch: 9,", func(r *running) { r.pause("q") }, "paused 1/1 acked 0"},
		"it stays resumed":                  {"paused: true,", "paused: true, prefetch: 9,", func(r *running) { r.resume("q") }, "consuming 1/1 acked 0"},
		"the concurrency stays":             {"concurrency: 2,", "concurrency: 2, prefetch: 9,", func(r *running) { r.scale("q", 5) }, "consuming 5/2 acked 0"},
		"a changed pause applies":           {"paused: true,", "prefetch: 9,", func(r *running) { r.pause("q") }, "consuming 1/1 acked 0"},
		"a changed concurrency applies":     {"", "concurrency: 3, prefetch: 9,", func(r *running) { r.scale("q", 5) }, "consuming 3/3 acked 0"},
		"what was not set is as configured": {"", "prefetch: 9,", func(*running) {}, "consuming 1/1 acked 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, queues(queueYAML("q", "q.#", tt.from)))
			defer r.end()
			tt.set(r)
			changes, err := r.Reload(t.Context(), load(t, queues(queueYAML("q", "q.#", tt.to))))
			if got := describe(changes); err != nil || got != "restart [q]" {
				t.Fatalf("got %q and %v, want a restart", got, err)
			}
			if got := r.queue("q"); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func (r *running) pause(queue string) {
	r.t.Helper()
	if err := r.Pause(r.t.Context(), queue); err != nil {
		r.t.Error(err)
	}
}

func (r *running) resume(queue string) {
	r.t.Helper()
	if err := r.Resume(r.t.Context(), queue); err != nil {
		r.t.Error(err)
	}
}

func (r *running) scale(queue string, n int) {
	r.t.Helper()
	if err := r.Scale(queue, n); err != nil {
		r.t.Error(err)
	}
}
