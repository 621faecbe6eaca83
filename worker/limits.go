package worker

import (
	"slices"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp/limit"
	"github.com/warren-mq/warren/topology"
)

// wrap is handler.Chain that notes the limits of package limit, the adaptive limits and the breakers among mw.
func (q *Subscription) wrap(h handler.Handler, mw []handler.Middleware) handler.Handler {
	for _, m := range slices.Backward(mw) {
		inner := h
		h = m(h)
		q.throttles.Add(h)
		switch path := limit.PathOf(h); {
		case path == nil:
		case limit.PathOf(inner) != nil: // path ends with it, and q.limits begins with it
			q.limits = append(slices.Clone(path), q.limits[len(limit.PathOf(inner)):]...)
		default:
			q.limits = append(path, q.limits...)
		}
	}
	return h
}

// paths returns the limits of each handler of the queue.
func (q *Subscription) paths() []limit.Path {
	all := append(make([]limit.Path, 0, 1+len(q.handlerLimits)), q.limits)
	for _, own := range q.handlerLimits {
		all = append(all, slices.Concat(q.limits, own))
	}
	return all
}

// limits returns the limits that the queues and their handlers share with other processes.
func (w *Worker) limits() (all []limit.Spec) {
	for _, q := range w.queues {
		for _, path := range q.paths() {
			all = append(all, slices.Concat(path...)...)
		}
	}
	return all
}

// checkLimits returns an error if limits differ, or if handlers may wait for each other.
func (w *Worker) checkLimits() error {
	if err := limit.Check(w.limits()); err != nil {
		return err
	}
	var paths []limit.Path
	for _, q := range w.queues {
		paths = append(paths, q.paths()...)
	}
	return limit.CheckOrder(paths)
}

// limitTopology returns the queues of the limits.
func (w *Worker) limitTopology() (t topology.Topology) {
	for _, l := range w.limits() {
		t = t.Merge(l.Topology())
	}
	return t
}
