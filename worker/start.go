package worker

import (
	"cmp"
	"context"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
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
		if len(w.Topology().Unusual().Exchanges) > 0 {
			return w.connections.consuming.Apart(planning, func(s *amqp.Session) error { return w.plan(planning, s) })
		}
		if err = w.plan(planning, session); err == nil || session.Err() == nil {
			return err
		}
	}
}

// plan returns the conflicts. If there are none, it declares the exchanges whose refusal
// would cost the connection.
func (w *Worker) plan(ctx context.Context, s *amqp.Session) error {
	changes, err := s.Plan(ctx, w.Topology())
	if err != nil {
		return err
	}
	if err := topology.Conflicts(changes); err != nil {
		return err
	}
	if unusual := w.Topology().Unusual(); len(unusual.Exchanges) > 0 {
		return s.Declare(ctx, unusual)
	}
	return nil
}

const (
	defaultStartup = 30 * time.Second // as in broker.Config
	planTimeout    = 5 * time.Minute  // for thousands of queues, or a broker that does not answer
)

// Topology returns everything that the worker declares, for a plan or an export.
func (w *Worker) Topology() topology.Topology {
	t := topology.Shared()
	for _, q := range w.queues {
		t = t.Merge(q.topology())
	}
	return t.Unique()
}
