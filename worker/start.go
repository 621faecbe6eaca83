package worker

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	fleetwire "github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/topology"
)

// start waits for both connections and compares the topology with the broker's, so that
// nothing is declared unless all of it can be. If the session is lost meanwhile, start begins
// again with the next one.
func (w *Worker) start(ctx context.Context) error {
	waiting := ctx
	if limit := cmp.Or(w.config.Broker.StartupTimeout, defaultStartup); limit > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, 2*limit) // the connectors themselves give up after one
		defer cancel()
	}
	if _, err := w.connections.sender.Connector().Session(waiting); err != nil {
		return err
	}
	planning, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	for {
		session, err := w.connections.consuming.Session(waiting)
		if err != nil {
			return err
		}
		if declared, _ := w.split(); len(declared.Unusual().Exchanges) > 0 {
			return w.connections.consuming.Apart(planning, func(s *amqp.Session) error { return w.plan(planning, s) })
		}
		if err = w.plan(planning, session); err == nil || session.Err() == nil {
			return err
		}
	}
}

// plan returns the conflicts, and what is missing. If there is neither, it declares the
// exchanges whose refusal would cost the connection.
func (w *Worker) plan(ctx context.Context, s *amqp.Session) error {
	if err := w.checkNative(s); err != nil {
		return err
	}
	declared, verified := w.split()
	changes, err := s.Plan(ctx, declared)
	if err != nil {
		return err
	}
	if err := errors.Join(topology.Conflicts(changes), w.verify(ctx, s, verified)); err != nil {
		return err
	}
	if unusual := declared.Unusual(); len(unusual.Exchanges) > 0 {
		return s.Declare(ctx, unusual)
	}
	return nil
}

const (
	defaultStartup = 30 * time.Second // as in broker.Config
	planTimeout    = 5 * time.Minute  // for thousands of queues, or a broker that does not answer
)

// Topology returns everything that the worker needs and the owner of its topology declares,
// for a plan or an export, in every mode of broker.Config. It leaves out queues of one process,
// and queues with a Queue.Topology of Verify or Trust with their exchanges and bindings, which
// have other owners. If the mode is Verify or Trust, it includes what a worker that declares its
// topology declares at the first use: the levels of delays, the records of stops and the exchange of the fleet.
func (w *Worker) Topology() topology.Topology {
	t := topology.Shared()
	for _, q := range w.queues {
		work := q.workQueue()
		switch {
		case !q.config.Topology.Manages():
			t = t.Merge(work.Support())
		case q.config.PerProcess:
			t = t.Merge(work.Support(), topology.Topology{Exchanges: work.Own().Exchanges})
		default:
			t = t.Merge(work.Topology())
		}
	}
	if !w.mode().Manages() {
		t = t.Merge(topology.Levels())
		for _, q := range w.queues {
			t = t.Merge(q.workQueue().Stops())
		}
		if w.config.Fleet != nil {
			t = t.Merge(fleetwire.Topology())
		}
	}
	return t.Merge(w.limitTopology()).Unique()
}
