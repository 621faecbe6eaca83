package schedule

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/warren-mq/warren/internal/amqp/leader"
	"github.com/warren-mq/warren/message"
)

// leaveTimeout is what a transaction under way has when the scheduler is stopped.
const leaveTimeout = 5 * time.Second

// term is the time that a process leads without a break.
type term struct {
	*Scheduler
	lead   *leader.Candidate
	token  token
	stored time.Time        // when the token was stored last
	unsaid bool             // it says something that is not stored yet
	trials map[string]trial // entries whose tick could not be published, by name
}

// newTerm puts together what the group remembers: what this process knows, which counts
// if the queue was deleted, the token, and what those say who have joined.
func (s *Scheduler) newTerm(lead *leader.Candidate, id string, said [][]byte) *term {
	t := &term{Scheduler: s, lead: lead, token: s.known, trials: make(map[string]trial)}
	hellos := slices.DeleteFunc(said, t.token.supersede)
	t.token.doubt(id)
	now := s.now()
	t.token.adopt(s.entries, now)
	t.token.Group, t.token.Leader, t.token.Since = s.config.Name, s.process, now
	for _, hello := range hellos {
		t.hear(hello)
	}
	return t
}

// run publishes what is due and waits, until the lead is lost or ctx is done.
func (t *term) run(ctx context.Context) error {
	if err := t.store(ctx, nil); err != nil { // first, so that no doubts are left if a tick costs the lead
		return err
	}
	for ctx.Err() == nil {
		wait, err := t.work(ctx)
		if err != nil {
			return err
		}
		if err := t.listen(ctx, wait); err != nil {
			return err
		}
	}
	if !t.unsaid {
		return nil
	}
	return t.store(ctx, nil) // so that the next leader has no doubts
}

// listen waits, unless something is heard before.
func (t *term) listen(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	said, err := t.lead.Receive(ctx)
	if err == nil {
		t.hear(said)
	}
	return t.lead.Err()
}

// hear takes in what comes to the leader.
func (t *term) hear(said []byte) {
	changed, differs, err := t.token.hear(said)
	if err != nil {
		t.emit(Odd{Err: err})
	}
	if len(differs.Entries) > 0 {
		t.emit(differs)
	}
	t.unsaid = t.unsaid || changed
}

// work publishes what is due, keeps the token fresh, and returns how long there is
// nothing to do.
func (t *term) work(ctx context.Context) (wait time.Duration, err error) {
	for err == nil && ctx.Err() == nil {
		due, tick, wait := t.next(t.now())
		fresh := t.config.Renew - time.Since(t.stored)
		switch {
		case due != nil:
			err = t.publish(ctx, due, tick)
		case t.unsaid || fresh <= 0:
			err = t.store(ctx, nil)
		default:
			return min(wait, fresh), nil
		}
	}
	return 0, err
}

// next finds the earliest tick that is due, or how long there is none.
func (t *term) next(now time.Time) (due *compiled, tick time.Time, wait time.Duration) {
	wait = t.config.Renew // a clock that is set meanwhile is noticed then
	for i := range t.entries {
		e, s := &t.entries[i], &t.token.Entries[i]
		if pause := time.Until(t.trials[e.Name].again); pause > 0 {
			wait = min(wait, pause)
			continue
		}
		p := e.plan(s.After, now)
		if p.after.After(s.After) {
			s.After, s.MissedFirst, s.MissedLast, t.unsaid = p.after, p.first, p.after, true
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

// store commits the token, and m with it unless it is nil.
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
	if err := t.lead.Commit(ctx, body, m); err != nil {
		return err
	}
	t.stored, t.unsaid = time.Now(), m != nil
	t.token.Pending = ""
	t.known = t.token.clone()
	t.show(t.known.Entries)
	return nil
}

// within bounds what is said to the broker, but for the time in which the broker has
// blocked the connection: what waits there cannot be taken back. It goes on for a
// moment when ctx is done.
func (t *term) within(ctx context.Context) (context.Context, context.CancelFunc) {
	saying, cancel := context.WithCancel(context.WithoutCancel(ctx))
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
	leave := context.AfterFunc(ctx, func() { time.AfterFunc(leaveTimeout, cancel) })
	return saying, func() {
		watch.Stop()
		leave()
		cancel()
	}
}
