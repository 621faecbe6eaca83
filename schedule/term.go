package schedule

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/warren-mq/warren/internal/amqp/leader"
	"github.com/warren-mq/warren/message"
)

// stopTimeout is how long a transaction may take after the scheduler is stopped.
const stopTimeout = 5 * time.Second

// term is one period during which a process leads.
type term struct {
	*Scheduler
	candidate *leader.Candidate
	token     token
	stored    time.Time        // when the token was stored last
	unstored  bool             // the token has changes that are not stored yet
	trials    map[string]trial // entries whose tick could not be published, by name
}

// newTerm merges the state of the group: the token that this process stored last, which
// is used if the queue was deleted, the token from the queue, and the announcements of
// the processes that have joined.
func (s *Scheduler) newTerm(candidate *leader.Candidate, messages [][]byte) *term {
	t := &term{Scheduler: s, candidate: candidate, token: s.known, trials: make(map[string]trial)}
	announcements := slices.DeleteFunc(messages, t.token.supersede)
	t.token.recheckPending()
	now := s.now()
	t.token.adopt(s.entries, now)
	t.token.Group, t.token.Leader, t.token.Since = s.config.Name, s.process, now
	for _, announcement := range announcements {
		t.receive(announcement)
	}
	return t
}

// run publishes due ticks until the token is lost or ctx is done.
func (t *term) run(ctx context.Context) error {
	if err := t.store(ctx, nil); err != nil { // first, so that no tick is pending if the next one loses the token
		return err
	}
	defer t.listen()()
	for ctx.Err() == nil {
		if err := t.runAsked(ctx); err != nil {
			return err
		}
		wait, err := t.work(ctx)
		if err != nil {
			return err
		}
		if err := t.await(ctx, wait); err != nil {
			return err
		}
	}
	if !t.unstored {
		return nil
	}
	return t.store(ctx, nil) // so that no tick is pending for the next leader
}

// await waits for the given time, until a message arrives in the token queue, or until RunNow is
// called.
func (t *term) await(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	ctx, asleep := t.wakeable(ctx)
	defer asleep()
	body, err := t.candidate.Receive(ctx)
	if err == nil {
		t.receive(body)
	}
	return t.candidate.Err()
}

// receive applies a message from the token queue.
func (t *term) receive(body []byte) {
	changed, differs, err := t.token.receive(body)
	if err != nil {
		t.emit(Unreadable{Err: err})
	}
	if len(differs.Entries) > 0 {
		t.emit(differs)
	}
	t.unstored = t.unstored || changed
}

// work publishes due ticks, renews the token, and returns how long to wait before the
// next call.
func (t *term) work(ctx context.Context) (wait time.Duration, err error) {
	for err == nil && ctx.Err() == nil {
		due, tick, wait := t.next(t.now())
		fresh := t.config.Renew - time.Since(t.stored)
		switch {
		case due != nil:
			err = t.publish(ctx, due, tick)
		case t.unstored || fresh <= 0:
			err = t.store(ctx, nil)
		default:
			return min(wait, fresh), nil
		}
	}
	return 0, err
}

// next returns the earliest due tick and its entry, or how long to wait for one.
func (t *term) next(now time.Time) (due *compiled, tick time.Time, wait time.Duration) {
	wait = t.config.Renew // at most, to notice if the clock was set
	for i := range t.entries {
		e, s := &t.entries[i], &t.token.Entries[i]
		if pause := time.Until(t.trials[e.Name].again); pause > 0 {
			wait = min(wait, pause)
			continue
		}
		p := e.plan(s.After, now)
		if p.after.After(s.After) {
			s.After, s.MissedFirst, s.MissedLast, t.unstored = p.after, p.first, p.after, true
			t.emit(Missed{Entry: e.Name, First: p.first, Last: p.after})
		}
		switch {
		case !p.tick.IsZero() && (due == nil || p.tick.Before(tick)):
			due, tick = e, p.tick
		case p.tick.IsZero() && !p.next.IsZero():
			wait = min(wait, p.next.Sub(now))
		}
	}
	return due, tick, wait
}

// store commits the token, and with it m unless m is nil.
func (t *term) store(ctx context.Context, m *message.Message) error {
	t.token.Revision++
	t.token.UpdatedAt = t.now()
	for i := range t.token.Entries {
		t.token.Entries[i].Next = t.entries[i].next(t.token.Entries[i].After)
	}
	body, err := t.token.encode()
	if err != nil {
		return err
	}
	ctx, cancel := t.within(ctx)
	defer cancel()
	if err := t.candidate.Commit(ctx, body, m); err != nil {
		return err
	}
	t.stored, t.unstored = time.Now(), m != nil
	t.known = t.token.clone() // with the pending tick, which a restart of the broker may lose
	t.token.Pending = ""
	t.show(t.known.Entries)
	return nil
}

// within returns a context for one transaction, with the limit PublishTimeout. While the
// broker blocks the connection, the limit does not apply, because data that waits in the
// connection cannot be withdrawn. After ctx is done, the transaction has stopTimeout.
func (t *term) within(ctx context.Context) (context.Context, context.CancelFunc) {
	transaction, cancel := context.WithCancel(context.WithoutCancel(ctx))
	limit := t.config.Broker.PublishTimeout
	if limit < 0 {
		limit = math.MaxInt64
	}
	var watch *time.Timer
	watch = time.AfterFunc(limit, func() {
		if s, _ := t.connector.Current(); s != nil && s.Blocked() != "" {
			watch.Reset(limit)
			return
		}
		cancel()
	})
	unwatch := context.AfterFunc(ctx, func() { time.AfterFunc(stopTimeout, cancel) })
	return transaction, func() {
		watch.Stop()
		unwatch()
		cancel()
	}
}
