package worker

import (
	"slices"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp/limit"
	"github.com/warren-mq/warren/topology"
)

// wrap is handler.Chain that notes the limits of package limit among mw.
func (q *Subscription) wrap(h handler.Handler, mw []handler.Middleware) handler.Handler {
	for _, m := range slices.Backward(mw) {
		h = m(h)
		q.noteLimits(h)
	}
	return h
}

func (q *Subscription) noteLimits(h handler.Handler) {
	if l, ok := h.(limit.Limited); ok {
		q.limits = append(q.limits, l.Limits()...)
	}
}

// limits returns the limits that the queues and their handlers share with other processes.
func (w *Worker) limits() (all []limit.Spec) {
	for _, q := range w.queues {
		all = append(all, q.limits...)
	}
	return all
}

// limitTopology returns the queues of the limits.
func (w *Worker) limitTopology() (t topology.Topology) {
	for _, l := range w.limits() {
		t = t.Merge(l.Topology())
	}
	return t
}
