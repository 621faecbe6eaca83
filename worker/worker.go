package worker

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/topology"
)

// Worker consumes from queues of one broker. Make it with New, register queues, then call
// Run once.
type Worker struct {
	config Config
	log    *slog.Logger
	meter  *meter
	queues []*Subscription

	watchers []func(Event)

	parkings    []*parking
	trusted     trusted
	made        sync.Once
	names       map[string]bool // see makes
	connections *Connections
	opening     openers
	started     atomic.Bool

	inHand   context.Context // of handlers; cancelled when the grace is over
	abandon  context.CancelCauseFunc
	ready    chan struct{} // closed when every queue has begun
	refused  chan error    // the broker refuses to declare a queue that has not begun
	starting atomic.Int64  // queues that have not begun yet

	join      func() (leave func()) // see announce
	drainNow  chan struct{}         // closed by the command drain
	drainOnce sync.Once

	reports       reports
	reporting     context.Context // of reports on canaries
	stopReporting context.CancelFunc
}

// openAtOnce bounds how many queues of a worker are opened at the same time.
const openAtOnce = 16

// New returns a worker, which connects once Run is called.
func New(c Config) *Worker {
	c = c.withDefaults()
	w := &Worker{
		config: c, log: c.Logger, opening: make(openers, openAtOnce), ready: make(chan struct{}), refused: make(chan error, 1), drainNow: make(chan struct{}),
		reports: reports{slots: make(chan struct{}, reportsAtOnce)},
	}
	w.meter = newMeter(c.MeterProvider)
	if w.connections = c.Connections; w.connections == nil {
		w.connections = NewConnections(c.Broker, w.emit)
	}
	return w
}

// Queue adds a queue. Run returns the errors of c. Queue panics once Run has begun, and is
// not safe for concurrent use.
func (w *Worker) Queue(c Queue) *Subscription {
	if w.started.Load() {
		panic("worker: Queue was called after Run")
	}
	c = c.withDefaults()
	q := &Subscription{
		worker: w, config: c, mux: &handler.Mux{}, concurrency: c.Concurrency, retry: c.Retry, swapped: make(chan struct{}),
		changed: make(chan struct{}, 1), unrouted: make(chan struct{}, 1), state: StateStarting, pool: newPool(), stopping: make(chan struct{}), seed: maphash.MakeSeed(),
		copies: copies{window: make(chan struct{}, handOverWindow)}, depth: newDepth(),
	}
	q.observed = handler.Chain(handler.Func(q.within), w.config.observing()...)
	if c.PerProcess {
		q.instance = rand.Text()[:12]
	}
	q.running = newRunning(w.config.Fleet != nil)
	mw := append(slices.Clone(w.config.Middleware), c.Middleware...)
	if c.Timeout > 0 {
		mw = append(mw, timeout(c.Timeout)) // innermost: waiting in a middleware is not the handler's time
	}
	q.overdue = newOverdue(func(e HandlerOverdue) { e.Queue = c.Name; w.emit(e) })
	mw = append(mw, q.overdue.middleware)
	q.chain = q.wrap(handler.Func(q.dispatch), mw)
	w.queues = append(w.queues, q)
	w.starting.Add(1)
	q.parking = w.park(q.workQueue())
	q.divide()
	return q
}

// Run connects, declares the topology, and handles messages until ctx is done.
// Then it drains: it cancels its consumers, lets running handlers finish within the grace,
// requeues the messages that were not handled, and flushes acks and confirms. It returns nil
// after a clean stop. It waits for its goroutines, within the grace and 11 s more; the goroutines of a
// handler that does not return (ErrHandlerStuck) or of a broker that does not answer may
// outlive it. A worker can run once.
//
// The contexts of handlers have the values of ctx, but are not cancelled with it. They are
// cancelled with the cause ErrGraceExpired when the grace is over, and with broker.ErrStale
// when the broker has taken the delivery back.
//
// Run returns all errors of the configuration at once, before it connects. It returns
// broker.ErrRefused if the broker refuses the login, broker.ErrNotConnected when the start-up
// time is over, a *topology.ConflictError for each queue or exchange that exists with other
// arguments (nothing is declared then), a *topology.MissingError for each one that does not
// exist and is not the worker's to declare, a *topology.DeclarationError if the broker refuses a
// declaration for a queue that has not been consumed yet, ErrHandlerStuck, and ErrInterrupted if
// a second signal ended the drain.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.validate(); err != nil {
		return err
	}
	if w.started.Swap(true) {
		return errors.New("worker: Run was called twice")
	}
	w.inHand, w.abandon = context.WithCancelCause(context.WithoutCancel(ctx))
	defer w.abandon(context.Canceled)
	w.reporting, w.stopReporting = context.WithCancel(context.WithoutCancel(ctx))
	defer w.stopReporting()
	for _, q := range w.queues {
		q.deriveContext(w.inHand)
		for _, p := range q.partitions {
			p.deriveContext(w.inHand)
		}
	}
	w.warnDiscards()
	w.join = w.announce()
	unregister, err := w.meter.observe(w)
	if err != nil {
		return err
	}
	defer unregister()
	defer w.connections.sender.NotifyUnroutable(w.unroutable)()
	defer func() {
		for _, q := range w.queues {
			q.overdue.stop()
		}
	}()
	return w.run(ctx)
}

// warnDiscards logs which queues delete their dead letters.
func (w *Worker) warnDiscards() {
	for _, q := range w.queues {
		if q.config.DeadLetters.Discard {
			w.log.Warn("worker: dead letters are deleted, because DeadLetters.Discard is set", "queue", q.config.Name)
		}
	}
}

func (w *Worker) validate() error {
	errs := []error{w.checkLimits()}
	if w.config.Connections == nil {
		errs = append(errs, w.config.Broker.Validate())
	}
	if len(w.queues) == 0 {
		errs = append(errs, errors.New("worker: no queue is registered"))
	}
	names, kinds, derived, shared := make(map[string]bool), make(map[string]string), make(map[string]string), sharing{}
	for _, q := range w.queues {
		if exchange, _ := q.workQueue().DeadLetterTarget(); exchange == topology.DeadLetterExchange {
			derived[q.workQueue().DeadLetterQueue()] = "dead-letter queue"
		}
		derived[topology.ParkingQueue(q.config.Name)] = "parking queue"
		for n := range q.partitions {
			derived[topology.Partition(q.config.Name, n)] = "partition"
		}
		for _, stops := range q.workQueue().Stops().Queues {
			derived[stops.Name] = "record of stops"
		}
	}
	for _, q := range w.queues {
		c := q.config
		errs = append(errs, c.validate(q.mux.Patterns()))
		if names[c.Name] {
			errs = append(errs, fmt.Errorf("worker: queue %q is registered twice", c.Name))
		}
		if _, _, ok := q.mux.Match(c.Name); c.Exchange == "" && !ok && len(q.mux.Patterns()) > 0 {
			errs = append(errs, fmt.Errorf("worker: queue %q has no Exchange, so its routing key is its name, and no handler takes that; set Exchange, or handle %q", c.Name, c.Name))
		}
		if kind := derived[c.Name]; kind != "" {
			errs = append(errs, fmt.Errorf("worker: queue %q is the %s of another queue", c.Name, kind))
		}
		errs = append(errs, shared.add(q))
		kind := cmp.Or(c.ExchangeKind, "topic")
		if other, ok := kinds[c.Exchange]; ok && other != kind {
			errs = append(errs, fmt.Errorf("worker: queue %q: exchange %q is %s, and %s for another queue", c.Name, c.Exchange, kind, other))
		}
		names[c.Name], kinds[c.Exchange] = true, kind
	}
	return errors.Join(errs...)
}

// sharing checks that queues with the same dead-letter queue agree on its settings.
type sharing map[string]Queue

// add returns an error if the dead-letter queue of q has other settings for a queue before.
func (s sharing) add(q *Subscription) error {
	name, a := q.workQueue().DeadLetterQueue(), q.config.DeadLetters
	other, shared := s[name]
	s[name] = q.config
	b := other.DeadLetters
	if name == "" || !shared || a.MessageTTL == b.MessageTTL && a.MaxLength == b.MaxLength && sameOverflow(a, b) {
		return nil
	}
	return fmt.Errorf("worker: queue %q: its dead-letter queue %s has other settings than for queue %q, want the same", q.config.Name, name, other.Name)
}

// sameOverflow reports whether a and b do the same beyond their MaxLength. Empty means
// reject-publish.
func sameOverflow(a, b topology.DeadLetters) bool {
	const refuse = "reject-publish"
	return cmp.Or(a.Overflow, refuse) == cmp.Or(b.Overflow, refuse)
}

// Ready returns a channel that is closed when every queue has begun to consume, or was paused
// before. Health reports the state at any later moment.
func (w *Worker) Ready() <-chan struct{} { return w.ready }

// began counts the queues on the way to Ready.
func (w *Worker) began() {
	if w.starting.Add(-1) == 0 {
		close(w.ready)
	}
}
