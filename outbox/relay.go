package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/retry"
)

// Relay publishes the messages that transactions have written to the outbox. Any number of
// relays may run on one outbox, in one process or many. Its methods Wake, Stats and Health
// are safe for concurrent use.
type Relay struct {
	config  Config
	invalid error
	sender  *amqp.Sender
	wake    chan struct{}
	started atomic.Bool

	// Used by Run only:
	cleaned time.Time      // when rows were last deleted
	waiting sync.WaitGroup // for confirms that are late

	held     held
	emitting sync.Mutex

	mu      sync.Mutex
	idle    error // why the relay does not work
	trouble error // what the next round has to report
}

// New returns a relay that starts to work when Run is called.
func New(cfg Config) *Relay {
	cfg = cfg.withDefaults()
	return &Relay{
		config: cfg, invalid: cfg.Validate(), sender: amqp.NewSender(amqp.Config(cfg.Broker), "outbox", nil),
		wake: make(chan struct{}, 1), held: newHeld(), idle: errors.New("not begun yet"),
	}
}

// Run publishes until ctx is done. It then waits up to 5 s for messages in flight, marks
// them, and returns nil. If the database does not answer, Run stops to try 10 s after ctx is
// done, and the messages that it could not mark are published again. It returns an error if the configuration is wrong, or if the
// broker refuses the credentials at the start, as worker.Connections.Run does. It can be
// called once.
func (r *Relay) Run(ctx context.Context) error {
	switch {
	case r.invalid != nil:
		return r.invalid
	case r.started.Swap(true):
		return errors.New("outbox: Run was called twice")
	}
	life, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	connected := make(chan error, 1)
	go func() { connected <- r.sender.Run(life) }()
	r.set(nil)
	r.work(ctx, life)
	hangUp()
	err := <-connected
	r.set(errors.New("ended"))
	if ctx.Err() == nil {
		return err
	}
	return nil // err only describes how the connection was closed
}

// Wake makes an idle relay look for messages now. It never blocks.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// work renews leases and runs rounds until ctx is done or there can be no further connection. It
// then waits for messages in flight and marks them, up to the time of markGrace or until life is done.
func (r *Relay) work(ctx, life context.Context) {
	ctx, stop := context.WithCancel(ctx)
	wire, cut := outlive(ctx, life, grace)
	marks, endMarks := outlive(ctx, life, markGrace)
	var renewing sync.WaitGroup
	renewing.Go(func() { r.renewing(marks) })
	defer renewing.Wait()
	defer endMarks()
	defer cut()
	defer r.waiting.Wait()
	defer stop()
	for failures := 0; ctx.Err() == nil; {
		session, err := r.sender.Connector().Session(ctx)
		if err != nil {
			return
		}
		taken, err := r.round(ctx, wire, marks, session)
		if err != nil && ctx.Err() == nil {
			failures++
			r.interrupted(err)
			pace.Wait(ctx, interruptions(), failures)
			continue
		}
		if failures > 0 {
			failures = 0
			r.resumed()
		}
		if taken == 0 {
			r.rest(ctx)
		}
	}
}

// outlive returns a context that ends the given time after ctx, or with life or end.
func outlive(ctx, life context.Context, by time.Duration) (longer context.Context, end context.CancelFunc) {
	longer, cut := context.WithCancel(life)
	forget := context.AfterFunc(ctx, func() { time.AfterFunc(by, cut) })
	return longer, func() {
		forget()
		cut()
	}
}

// round publishes one batch and returns how many messages were in it. A goroutine waits for
// messages whose confirms are late.
func (r *Relay) round(ctx, wire, marks context.Context, session *amqp.Session) (taken int, err error) {
	defer func() { err = errors.Join(err, r.noted()) }()
	if reason := session.Blocked(); reason != "" {
		return 0, fmt.Errorf("%w: %s", broker.ErrBlocked, reason)
	}
	if n := len(r.held.list()); n >= maxHeld {
		return 0, fmt.Errorf("outbox: %d messages are not confirmed yet, want less than %d", n, maxHeld)
	}
	r.clean(ctx)
	b, err := r.claim(ctx)
	if err != nil {
		return 0, fmt.Errorf("outbox: take messages: %w", err)
	}
	if len(b.rows) == 0 {
		return 0, nil
	}
	p := r.publish(ctx, wire, marks, session, b)
	p.wait(r.third())
	open, unmarked := r.settle(p)
	if len(open) > 0 || unmarked != nil {
		r.reportLate(open)
		r.waiting.Go(func() { r.settleLate(ctx, p, unmarked) })
	}
	return len(b.rows), nil
}

// rest waits for the next poll or for Wake.
func (r *Relay) rest(ctx context.Context) {
	select {
	case <-time.After(r.config.Poll):
	case <-r.wake:
	case <-ctx.Done():
	}
}

// interruptions returns the pauses between rounds that are interrupted.
func interruptions() retry.Policy {
	return retry.Policy{InitialInterval: 100 * time.Millisecond, MaxInterval: 5 * time.Second}
}

// third returns a third of the lease: how long a batch may take before its confirms are
// late.
func (r *Relay) third() time.Duration { return r.config.Lease / 3 }

func (r *Relay) sql(query string) string { return r.config.Dialect.sql(query) }

func (r *Relay) interrupted(err error) {
	r.set(err)
	r.emit(Interrupted{Err: err})
}

func (r *Relay) resumed() {
	r.set(nil)
	r.emit(Resumed{})
}

// note makes the next round report err, unless it is nil.
func (r *Relay) note(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trouble == nil {
		r.trouble = err
	}
	r.Wake()
}

// noted returns the first error that was noted since the last call.
func (r *Relay) noted() (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err, r.trouble = r.trouble, nil
	return err
}

func (r *Relay) set(idle error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = idle
}
