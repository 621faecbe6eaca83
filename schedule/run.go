package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

var (
	// ErrNotLeader is returned by RunNow if another process leads the group, or none does.
	ErrNotLeader = errors.New("schedule: this process does not lead its group")

	// ErrUnknownEntry is returned by RunNow if the leader has no entry of that name.
	ErrUnknownEntry = errors.New("schedule: no such entry")
)

// asked is a call of RunNow that waits for the term.
type asked struct {
	entry  string
	over   <-chan struct{} // closed when the caller stops waiting
	answer chan<- answered // has room for one
}

type answered struct {
	id  string
	err error
}

// RunNow publishes the message of an entry once, apart from its ticks, and returns the message id
// once the broker has confirmed the message. The id is the id of a tick at the present second,
// with the suffix /run-now, so a second call within the same second has the same id. The next tick of the
// entry is published as if RunNow had not been called.
//
// Only the leader publishes: in another process RunNow returns ErrNotLeader. If ctx ends before the
// confirm, the message may have been published. It is safe for concurrent use.
func (s *Scheduler) RunNow(ctx context.Context, entry string) (messageID string, err error) {
	answer := make(chan answered, 1)
	if err := s.ask(asked{entry, ctx.Done(), answer}); err != nil {
		return "", err
	}
	select {
	case a := <-answer:
		return a.id, a.err
	case <-ctx.Done():
		return "", fmt.Errorf("schedule: run entry %q now: %w", entry, context.Cause(ctx))
	}
}

// ask hands a call to the term, and wakes it.
func (s *Scheduler) ask(a asked) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wake == nil {
		return fmt.Errorf("%w: the message of entry %q was not published", ErrNotLeader, a.entry)
	}
	s.asked = append(s.asked, a)
	s.wake()
	return nil
}

// listen accepts calls of RunNow until its function is called, which refuses those that wait.
func (s *Scheduler) listen() (deafen func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake = func() {}
	return func() {
		s.mu.Lock()
		waiting := s.asked
		s.asked, s.wake = nil, nil
		s.mu.Unlock()
		for _, a := range waiting {
			a.answer <- answered{err: fmt.Errorf("%w: the message of entry %q was not published", ErrNotLeader, a.entry)}
		}
	}
}

// wakeable returns a context that ends when RunNow is called.
func (s *Scheduler) wakeable(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake = cancel
	if len(s.asked) > 0 {
		cancel()
	}
	return ctx, cancel
}

// runAsked publishes the messages of the calls that wait.
func (t *term) runAsked(ctx context.Context) error {
	t.mu.Lock()
	waiting := t.asked
	t.asked = nil
	t.mu.Unlock()
	for _, a := range waiting {
		select {
		case <-a.over:
			continue
		default:
		}
		id, err := t.runNow(ctx, a.entry)
		a.answer <- answered{id, err}
	}
	return t.candidate.Err()
}

// runNow publishes the message of an entry alone, because an error must not end the leadership.
func (t *term) runNow(ctx context.Context, entry string) (id string, err error) {
	i := slices.IndexFunc(t.entries, func(e compiled) bool { return e.Name == entry })
	if i < 0 {
		return "", fmt.Errorf("%w: %q", ErrUnknownEntry, entry)
	}
	e := &t.entries[i]
	m := e.message(t.now().In(e.location()).Truncate(time.Second))
	m.ID += "/run-now"
	if err := e.encodeBody(ctx, m); err != nil {
		return "", fmt.Errorf("schedule: run entry %q now: %w", entry, err)
	}
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), aloneTimeout)
	defer cancel()
	if err := t.candidate.Send(sending, m); err != nil {
		e.unsent(ctx, m, err)
		return "", fmt.Errorf("schedule: run entry %q now: %w", entry, err)
	}
	t.emit(RanNow{Entry: entry, MessageID: m.ID})
	return m.ID, nil
}

// location returns the entry's time zone, which compile has checked.
func (c compiled) location() *time.Location {
	loc, err := location(c.Timezone)
	if err != nil {
		return time.UTC
	}
	return loc
}
