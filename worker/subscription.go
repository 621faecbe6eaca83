package worker

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/limit"
	"github.com/warren-mq/warren/internal/batch"
	"github.com/warren-mq/warren/internal/throttle"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
)

// Subscription is a queue of a worker, with its handlers and the controls over it while the
// worker runs. Its methods are safe for concurrent use, except Handle, which must be called
// before Run.
type Subscription struct {
	worker        *Worker
	config        Queue
	mux           *handler.Mux
	chain         handler.Handler // all middleware around dispatch
	limits        limit.Path      // of the middleware, shared with other processes; see wrap
	handlerLimits []limit.Path    // of each handler that has some
	throttles     throttle.All    // of the middleware and of the handlers
	parking       *parking        // nil if the queue has none
	busy          atomic.Int64    // messages in handlers, or whose copy is not confirmed yet
	pool          pool

	overdue *overdue // handlers that ignore their deadline
	copies  copies   // not confirmed yet
	running *running
	depth   depth

	observed handler.Handler // traces and measures each attempt, around chain
	inHand   context.Context // of handlers: the worker's, cancelled when the grace is over; set by Run
	stopping chan struct{}   // closed in a drain, once nothing more is received

	receiving context.Context // done when the worker is told to stop; the keeper's

	seed     maphash.Seed // of lanes and of the identity of held messages
	instance string       // the last part of the name of a queue that belongs to this process

	partitions []*Subscription // of the queue, which then only distributes its messages
	whole      *Subscription   // the queue that this is a partition of, or nil
	partition  int             // its number

	holds   holds   // messages that wait in the worker for their next attempt
	stops   stops   // what is recorded of messages that a stop has left in the queue
	offsets offsets // of a stream

	kept atomic.Int64 // messages of the consumer that cannot be published to their partitions; see unpublishable

	mu          sync.Mutex
	consumer    *amqp.Consumer // what the goroutines receive from; nil while there is none
	swapped     chan struct{}  // closed when consumer is replaced
	paused      bool
	absent      bool // paused, and not declared either: another process replaces the queue
	elsewhere   bool // another process has the partition
	concurrency int
	batch       int          // the largest size of HandleBatch; 0 without one
	slots       *batch.Slots // of all its batches; nil without HandleBatch
	retry       retry.Policy
	changed     chan struct{} // holds one token: paused or concurrency was set
	unrouted    chan struct{} // holds one token: a message that concerns the queue was unroutable
	state       State
	began       bool  // has consumed, or was paused, once
	reason      error // why the state is not StateConsuming
	topologyErr error // what the broker refuses of the topology while the queue is in use
}

// deriveContext sets the context of the queue's handlers, a child of the worker's.
func (q *Subscription) deriveContext(inHand context.Context) {
	inHand = limit.WithHost(inHand, q.worker.connections.limits, q.worker.meter.waitedForLimit)
	q.inHand = handler.WithTimeLimit(handler.WithStopping(inHand, q.stopping), q.config.Timeout)
	q.inHand = handler.WithReplier(q.inHand, replier{})
}

// Handle registers h for the routing keys that match pattern: words between dots,
// where * is any one word and # any number of words. The most specific pattern
// wins. The queue is bound to its exchange by each pattern. Handle panics if the
// pattern is registered already, as http.HandleFunc does, and once Run has begun.
func (q *Subscription) Handle(pattern string, h handler.Handler) {
	if q.worker.started.Load() {
		panic("worker: Handle was called after Run")
	}
	q.throttles.Add(h)
	if own := limit.PathOf(h); own != nil {
		q.handlerLimits = append(q.handlerLimits, own)
	}
	q.mux.Handle(pattern, h)
}

// Pause stops receiving. It returns at once; running handlers finish, and messages that no
// handler has begun are requeued. A queue that is paused before Run is still declared, so
// that publishers can reach it.
func (q *Subscription) Pause() { q.changeAll(func(q *Subscription) { q.paused = true }) }

// Resume receives again after Pause.
func (q *Subscription) Resume() {
	q.changeAll(func(q *Subscription) { q.paused, q.absent = false, false })
}

// leave pauses the queue, and does not declare it until it is resumed.
func (q *Subscription) leave() {
	q.changeAll(func(q *Subscription) { q.paused, q.absent = true, true })
}

// PauseLike pauses q if other is paused, and resumes it otherwise, so that a queue that is started
// again with other settings stays as Pause, Resume and the commands of the fleet have left it.
func (q *Subscription) PauseLike(other *Subscription) {
	other.mu.Lock()
	paused, absent := other.paused, other.absent
	other.mu.Unlock()
	q.changeAll(func(q *Subscription) { q.paused, q.absent = paused, absent })
}

func (q *Subscription) isAbsent() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.absent
}

// SetConcurrency changes the number of messages that are handled at a time, at least 1; with
// Partitions, of each partition.
// Surplus goroutines end with the message that they are handling.
func (q *Subscription) SetConcurrency(n int) {
	n = min(max(n, 1), maxPrefetch/2)
	for _, q := range q.handling() {
		if _, now := q.wanted(); now != n {
			q.change(func() { q.concurrency = n })
		}
	}
	q.grantSlots()
}

// SetRetry changes the retry policy, from the next failure on. Zero fields of p take their
// values from retry.Default. If p is not valid, or differs from the policy of a queue with
// native delays, SetRetry returns an error and changes nothing.
func (q *Subscription) SetRetry(p retry.Policy) error {
	p = Queue{Retry: p, Delays: q.config.Delays}.retryPolicy()
	if err := p.Validate(); err != nil {
		return err
	}
	if q.config.native() && p != q.config.Retry {
		return fmt.Errorf("worker: queue %q: set the retry policy: Delays is native, and the policy is part of the queue's arguments (got %+v, want %+v)",
			q.config.Name, p, q.config.Retry)
	}
	for _, q := range q.handling() {
		q.mu.Lock()
		q.retry = p
		q.mu.Unlock()
	}
	return nil
}

func (q *Subscription) policy() retry.Policy {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.retry
}

// Name returns the queue's name.
func (q *Subscription) Name() string { return q.config.Name }

func (q *Subscription) change(set func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	set()
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

func (q *Subscription) wanted() (paused bool, concurrency int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.paused || q.elsewhere, q.concurrency
}

// install has the goroutines receive from c.
func (q *Subscription) install(c *amqp.Consumer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.consumer = c
	close(q.swapped)
	q.swapped = make(chan struct{})
}

// after waits for a consumer other than prev and returns it; nil once stop is closed.
func (q *Subscription) after(prev *amqp.Consumer, stop <-chan struct{}) *amqp.Consumer {
	for {
		q.mu.Lock()
		c, swapped := q.consumer, q.swapped
		q.mu.Unlock()
		if c != nil && c != prev {
			return c
		}
		select {
		case <-swapped:
		case <-stop:
			return nil
		}
	}
}

func (q *Subscription) isStopping() bool {
	select {
	case <-q.stopping:
		return true
	default:
		return false
	}
}

// queueName returns the name of the queue on the broker.
func (q *Subscription) queueName() string {
	if q.whole != nil {
		return topology.Partition(q.config.Name, q.partition)
	}
	return topology.WorkQueue{Name: q.config.Name, Instance: q.instance}.QueueName()
}

// workQueue returns the queue and what belongs to it.
func (q *Subscription) workQueue() topology.WorkQueue {
	w := q.config.WorkQueue(q.mux.Patterns())
	w.Instance = q.instance
	return w
}
