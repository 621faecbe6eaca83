package worker_test

import (
	"slices"
	"testing"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/limit"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestLimitsAreFoundBehindOtherMiddleware, in whatever order they are.
func TestLimitsAreFoundBehindOtherMiddleware(t *testing.T) {
	t.Parallel()
	other := func(next handler.Handler) handler.Handler { return handler.Func(next.Handle) }
	a, b, c := limit.Concurrency("a", 1), limit.Concurrency("b", 1), limit.Rate("c", 1, time.Second)
	for name, mw := range map[string][]handler.Middleware{
		"next to each other":             {a, b, c},
		"one behind":                     {a, b, other, c},
		"two behind":                     {a, other, b, c},
		"each behind another":            {other, a, other, b, other, c, other},
		"two before, and two by the key": {a, b, other, limit.ByKey(map[string]handler.Middleware{"x": c, "y": c})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := worker.New(worker.Config{Middleware: mw[:1]})
			w.Queue(worker.Queue{Name: "q", Middleware: mw[1:]}).Handle("#", nothing)
			for _, limit := range []string{"warren.limit.a.0", "warren.limit.b.0", "warren.limit.c.rate.0"} {
				if !slices.ContainsFunc(w.Topology().Queues, func(q topology.Queue) bool { return q.Name == limit }) {
					t.Errorf("the topology lacks %s", limit)
				}
			}
		})
	}
}
