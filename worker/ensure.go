package worker

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/topology"
)

// mode returns what the worker does about the queues of Warren.
func (w *Worker) mode() topology.Mode { return w.connections.consuming.Mode() }

// mode returns what the worker does about the queue, its exchange and its bindings.
func (q *Subscription) mode() topology.Mode { return cmp.Or(q.config.Topology, q.worker.mode()) }

// parts returns what the worker declares for the queue, and what it verifies. Parking queues
// are not verified: without them, retries wait in the worker.
func (q *Subscription) parts() (declared, verified topology.Topology) {
	w := q.workQueue()
	if q.whole != nil {
		return q.ownPartition(w)
	}
	own, support := w.Own(), w.Support()
	if q.config.PerProcess { // another program cannot declare it
		declared.Queues, own.Queues = own.Queues, nil
		declared.Bindings, own.Bindings = own.Bindings, nil
	}
	parking := parkingQueues(w)
	for _, part := range []struct {
		mode topology.Mode
		t    topology.Topology
	}{{q.worker.mode(), support}, {q.mode(), own}} {
		switch {
		case part.mode.Manages():
			declared = part.t.Merge(declared)
		case part.mode == topology.Verify:
			verified = verified.Merge(part.t.Without(parking...))
		}
	}
	return declared, verified.Merge(q.others(w)).Unique()
}

// others returns the exchanges and queues that the queue needs and Warren never declares, if
// the worker verifies its topology or declares it.
func (q *Subscription) others(w topology.WorkQueue) (t topology.Topology) {
	if q.mode() == topology.Trust {
		return t
	}
	made := q.worker.makes()
	for _, name := range w.Exchanges() {
		if name != q.config.Exchange && !made["exchange "+name] {
			t.Exchanges = append(t.Exchanges, topology.Exchange{Name: name})
		}
	}
	switch exchange, key := w.DeadLetterTarget(); {
	case exchange == topology.DeadLetterExchange && q.worker.mode() == topology.Verify,
		exchange != "" && exchange != topology.DeadLetterExchange:
		t.Exchanges = append(t.Exchanges, topology.Exchange{Name: exchange})
	case exchange == "" && key != "" && !made["queue "+key]:
		t.Queues = append(t.Queues, topology.Queue{Name: key})
	}
	return t
}

// makes returns what the queues of the worker declare themselves, by kind and name.
func (w *Worker) makes() map[string]bool {
	w.made.Do(func() {
		w.names = make(map[string]bool)
		for _, q := range w.queues {
			if !q.mode().Manages() {
				continue
			}
			w.names["queue "+q.config.Name], w.names["exchange "+q.config.Exchange] = true, true
		}
	})
	return w.names
}

// verify asks the broker whether t exists. A name that the broker does not answer for is
// trusted, with one event.
func (w *Worker) verify(ctx context.Context, s *amqp.Session, t topology.Topology) error {
	if len(t.Exchanges)+len(t.Queues) == 0 {
		return nil
	}
	refused, err := s.Verify(ctx, t)
	for _, r := range refused {
		if w.trusted.add(r) {
			w.emit(TopologyChanged{Err: &r, Trusted: true})
		}
	}
	return err
}

// trusted holds the names that could not be verified, by kind and name.
type trusted struct {
	mu  sync.Mutex
	all map[string]error
}

// add notes a refusal. It reports whether it is the first one for the name.
func (t *trusted) add(r topology.DeclarationError) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	name := r.Kind + " " + r.Name
	if t.all == nil {
		t.all = make(map[string]error)
	}
	_, known := t.all[name]
	t.all[name] = r.Err
	return !known
}

// warnings returns which names could not be verified.
func (t *trusted) warnings() (all []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(t.all)) {
		all = append(all, fmt.Sprintf("%s was not verified, and is trusted: %v", name, t.all[name]))
	}
	return all
}

// ensure declares and verifies the parts of the queue's topology.
func (q *Subscription) ensure(ctx context.Context, s *amqp.Session, declared, verified topology.Topology) error {
	var err error
	if len(declared.Exchanges)+len(declared.Queues)+len(declared.Bindings) > 0 {
		err = q.worker.connections.consuming.Declare(ctx, s, declared)
	}
	if err != nil {
		return err
	}
	return q.worker.verify(ctx, s, verified)
}

// split returns what the worker declares for all of its queues, and what it verifies.
func (w *Worker) split() (declared, verified topology.Topology) {
	if w.mode().Manages() {
		declared = topology.Shared()
	}
	for _, q := range w.queues {
		d, v := q.parts()
		declared, verified = declared.Merge(d), verified.Merge(v)
	}
	switch w.mode() {
	case topology.Verify:
		verified = verified.Merge(w.limitTopology())
	case topology.Trust:
	default:
		declared = declared.Merge(w.limitTopology())
	}
	return declared.Unique(), verified.Unique()
}
