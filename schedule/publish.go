package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/encode"
	"github.com/warren-mq/warren/internal/panics"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// message returns the message of a tick. It does not depend on the process.
func (c compiled) message(tick time.Time) *message.Message {
	headers := make(message.Headers, len(c.Headers)+2)
	record.CopyUnreserved(headers, c.Headers)
	headers[HeaderName], headers[HeaderTick] = c.Name, stamp(tick)
	m := &message.Message{
		ID: c.Name + "/" + stamp(tick.UTC()), Body: c.body, ContentType: c.ContentType, Headers: headers,
		Priority: c.Priority, Timestamp: time.Now(), Exchange: c.Exchange, RoutingKey: c.Key,
	}
	record.SetPublished(m)
	return m
}

// encodeBody has the codec encode the body of m.
func (c compiled) encodeBody(ctx context.Context, m *message.Message) error {
	if c.Codec == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, aloneTimeout)
	defer cancel()
	var err error
	if caught := panics.Catch(func() { err = encode.Body(ctx, m, m.Body, c.Codec) }); caught != nil {
		err = caught
	}
	if err != nil {
		return fmt.Errorf("schedule: encode the body: %w", err)
	}
	return nil
}

// unsent deletes what the codec has stored, if no queue has received m. A panic of the codec
// leaves it stored.
func (c compiled) unsent(ctx context.Context, m *message.Message, err error) {
	codec, ok := c.Codec.(interface {
		Unsent(ctx context.Context, m *message.Message)
	})
	known := []error{broker.ErrUnroutable, broker.ErrRefused, broker.ErrTooLarge, broker.ErrMalformed}
	if ok && slices.ContainsFunc(known, func(known error) bool { return errors.Is(err, known) }) {
		_ = panics.Catch(func() { codec.Unsent(context.WithoutCancel(ctx), m) })
	}
}

// stamp formats a tick for headers, logs and errors.
func stamp(tick time.Time) string { return tick.Format(time.RFC3339) }

// aloneTimeout is short, because no other entry is published during that time.
const aloneTimeout = 5 * time.Second

// trial is the retry state of an entry whose tick could not be published.
type trial struct {
	failures int
	again    time.Time
}

// publish publishes a tick in the transaction that stores the token, so that a leader
// that crashes has done both or neither. It returns an error if the token is lost.
func (t *term) publish(ctx context.Context, e *compiled, tick time.Time) error {
	s, m := t.token.entry(e.Name), e.message(tick)
	if err := e.encodeBody(ctx, m); err != nil {
		t.fail(s, tick, err)
		return nil
	}
	if e.Confirm || s.Error != "" {
		return t.publishAlone(ctx, e, m, tick)
	}
	before := *s
	s.After, s.Last, s.By, t.token.Pending = tick, tick, t.process, e.Name
	err := t.store(ctx, m)
	confirmed := t.now()
	switch {
	case err == nil:
		err = t.store(ctx, nil) // at once, since the next leader publishes a pending tick again
		t.published(s, m, tick, confirmed)
		return err
	case t.candidate.Err() == nil:
		*s, t.token.Pending = before, ""
		e.unsent(ctx, m, err)
		t.fail(s, tick, err)
		return nil
	case !errors.Is(err, broker.ErrNotConnected): // reported to the next leader when this process joins again
		t.refused = append(t.refused, EntryState{Name: e.Name, Last: tick, By: t.process, Error: err.Error()})
		t.emit(Failed{Entry: e.Name, Tick: tick, Err: err})
	}
	return err
}

// publishAlone publishes a tick without a transaction, before the token is stored. A tick
// that has failed once may fail again and close the transaction's channel, and the leader
// would lose the token each time.
func (t *term) publishAlone(ctx context.Context, e *compiled, m *message.Message, tick time.Time) error {
	s := t.token.entry(e.Name)
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), aloneTimeout) // also when ctx is done: a tick is finished once begun
	defer cancel()
	err := t.candidate.Send(sending, m)
	switch {
	case err == nil:
		s.After, s.Last, s.By, s.Error = tick, tick, t.process, ""
		t.published(s, m, tick, t.now())
		return t.store(ctx, nil)
	case t.candidate.Err() == nil:
		e.unsent(ctx, m, err)
		t.fail(s, tick, err)
	}
	return t.candidate.Err()
}

func (t *term) published(s *EntryState, m *message.Message, tick, confirmed time.Time) {
	delete(t.trials, s.Name)
	t.emit(Published{Entry: s.Name, Tick: tick, MessageID: m.ID, Late: confirmed.Sub(tick)})
}

// fail records why a tick cannot be published, and when to try again.
func (t *term) fail(s *EntryState, tick time.Time, err error) {
	n := t.trials[s.Name].failures + 1
	t.trials[s.Name] = trial{failures: n, again: time.Now().Add(retry.Policy{MaxInterval: 5 * time.Second}.Delay(n))}
	s.Error, t.unstored = err.Error(), true
	t.emit(Failed{Entry: s.Name, Tick: tick, Err: err})
}
