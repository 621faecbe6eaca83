package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

const (
	grace     = 5 * time.Second // how long a stopped relay waits for messages in flight
	markGrace = 2 * grace       // how long a stopped relay tries to mark them, counted from the same moment
)

// outcome holds the results of a batch that are known and not marked yet.
type outcome struct {
	published []row
	failed    []failure
	open      map[int64]row // in flight, by seq
	trouble   error         // why the rest was not tried
}

type failure struct {
	row   row
	err   error
	pause time.Duration
}

// publication is a batch being published.
type publication struct {
	relay *Relay
	batch batch
	stop  context.Context // no further message is sent once this is done
	wire  context.Context // bounds the wait for messages that were sent
	marks context.Context // bounds the attempts to mark the results
	ended chan struct{}   // closed when the results of all messages are known
	known chan struct{}   // has a value when one more result is known

	mu      sync.Mutex
	closed  bool // no further message is sent
	outcome outcome
}

// publish starts to publish as much of the batch as its lease and ctx allow. Aggregates are
// published in parallel, each in order and one message at a time, because the messages
// behind a refused message must wait. The publication waits for messages in flight until
// the session ends, when another relay may have a connection, or until wire is done.
func (r *Relay) publish(ctx, wire, marks context.Context, session *amqp.Session, b batch) *publication {
	wire, cut := context.WithCancel(wire)
	p := &publication{
		relay: r, batch: b, stop: ctx, wire: wire, marks: marks, ended: make(chan struct{}), known: make(chan struct{}, 1),
		outcome: outcome{open: make(map[int64]row)},
	}
	if !p.timely() {
		p.outcome.trouble = fmt.Errorf("outbox: the claim took more than two thirds of the lease of %v", r.config.Lease)
	}
	var groups sync.WaitGroup
	for _, group := range b.groups() {
		groups.Go(func() { p.publish(group) })
	}
	go func() {
		groups.Wait()
		close(p.ended)
	}()
	go func() {
		defer cut()
		select {
		case <-session.Done():
		case <-p.ended:
		}
	}()
	return p
}

// publish publishes the rows of an aggregate up to the first that fails.
func (p *publication) publish(group []row) {
	for _, one := range group {
		if !p.begin(one) {
			return
		}
		err := p.relay.send(p.wire, &one)
		p.end(one, err)
		if err != nil {
			return
		}
	}
}

// timely reports whether a third of the lease is left. The lease of a row that is sent now
// must be renewed within this time.
func (p *publication) timely() bool { return time.Until(p.batch.until) >= p.relay.third() }

// begin reports whether a row may be published, and if so records that it is in flight.
func (p *publication) begin(one row) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.stop.Err() != nil || p.outcome.trouble != nil || !p.timely() {
		return false
	}
	p.outcome.open[one.seq] = one
	return true
}

// end records the result of a row. A connection problem does not count as a failure of the
// row.
func (p *publication) end(one row, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := &p.outcome
	delete(o.open, one.seq)
	switch {
	case err == nil:
		o.published = append(o.published, one)
	case isTrouble(err):
		o.trouble = err
	default:
		o.failed = append(o.failed, failure{one, err, p.relay.config.Retry.Randomized(one.attempts+1, rand.Float64())})
	}
	select {
	case p.known <- struct{}{}:
	default:
	}
}

// wait returns when the results of all messages are known, or after the given time.
func (p *publication) wait(atMost time.Duration) {
	select {
	case <-p.ended:
	case <-time.After(atMost):
	}
}

// settle marks the results that are known, and releases the rows that are not in flight; no
// further row is sent. It returns the rows that are still in flight.
func (r *Relay) settle(p *publication) (open map[int64]row, err error) {
	p.mu.Lock()
	p.closed = true
	o := p.outcome
	o.open = maps.Clone(o.open)
	p.outcome.trouble = nil
	select {
	case <-p.known:
	default:
	}
	p.mu.Unlock()
	r.note(o.trouble)
	if err := r.mark(p.marks, &p.batch, &o); err != nil {
		r.note(err)
		return o.open, err
	}
	p.mu.Lock()
	p.outcome.published = p.outcome.published[len(o.published):]
	p.outcome.failed = p.outcome.failed[len(o.failed):]
	p.mu.Unlock()
	r.report(&o)
	return o.open, nil
}

// settleLate settles p until no row of it is left to mark; err is the last error of settle.
// If ctx is done and the database is away, it returns without the marks.
func (r *Relay) settleLate(ctx context.Context, p *publication, err error) {
	for left := err == nil || ctx.Err() == nil; left; r.Wake() {
		if err == nil {
			select {
			case <-p.known:
			case <-p.ended:
			}
		}
		var open map[int64]row
		open, err = r.settle(p)
		left = len(open) > 0 && err == nil || err != nil && ctx.Err() == nil
	}
}

func (r *Relay) send(ctx context.Context, one *row) error {
	if one.unread != nil {
		return one.unread
	}
	record.SetPublished(&one.message)
	ctx, end := r.traced(ctx, &one.message)
	err := r.sender.SendUntil(ctx, one.message.Exchange, one.message.RoutingKey, &one.message)
	end(err)
	return err
}

// isTrouble reports whether err has another cause than the message.
func isTrouble(err error) bool {
	for _, known := range []error{
		broker.ErrNotConnected, broker.ErrBlocked, broker.ErrClosed, context.Canceled,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// traced starts the span of a publish, as a child of the span in which the message was
// written. Consumers get the latter as the message's origin, because its headers stay
// unchanged.
func (r *Relay) traced(ctx context.Context, m *message.Message) (within context.Context, end func(error)) {
	c := r.config.Broker
	if !telemetry.Installed(c.TracerProvider) {
		return ctx, func(error) {}
	}
	ctx = telemetry.Propagator(c.Propagator).Extract(ctx, telemetry.Carrier(m.Headers))
	ctx, span := telemetry.Tracer(c.TracerProvider).Start(ctx, //nolint:spancheck // ended by end
		telemetry.PublishSpanName(m.Exchange),
		trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(telemetry.PublishAttributes(m.Exchange, m.RoutingKey, m)...))
	return ctx, func(err error) { //nolint:spancheck // as above
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
			span.SetAttributes(semconv.ErrorTypeKey.String(telemetry.ErrorType(err)))
		}
		span.End()
	}
}
