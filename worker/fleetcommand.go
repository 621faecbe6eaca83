package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/delay"
	"github.com/warren-mq/warren/topology"
)

// Execute executes a command that concerns the worker.
func (s *announced) Execute(ctx context.Context, c fleet.Command, a *fleet.Answer) (concerned bool, err error) {
	switch c.Name {
	case fleet.Pause, fleet.Resume, fleet.Scale:
		for _, q := range s.worker.queues {
			if q.config.Name == c.Queue {
				return true, s.control(ctx, q, c, a)
			}
		}
	case fleet.Drain:
		s.worker.drainOnce.Do(func() { close(s.worker.drainNow) })
		a.Result = "draining"
		return true, nil
	case fleet.Cancel:
		return s.cancel(c, a)
	case fleet.Stacks:
		return s.stacks(c, a), nil
	case fleet.DelayList, fleet.DelayShow, fleet.DelayRun, fleet.DelayCancel:
		for _, p := range s.worker.parkings {
			if p.active.Load() && (p.queue == c.Queue || p.queue == topology.ParkingQueue(c.Queue)) {
				return true, p.execute(ctx, c, a)
			}
		}
	}
	return false, nil
}

// control changes a queue and waits for its new state.
func (s *announced) control(ctx context.Context, q *Subscription, c fleet.Command, a *fleet.Answer) error {
	want := StatePaused
	switch c.Name {
	case fleet.Pause:
		if c.Absent {
			q.leave()
			break
		}
		q.Pause()
	case fleet.Resume:
		q.Resume()
		want = StateConsuming
	case fleet.Scale:
		if c.Concurrency < 1 || c.Concurrency > maxPrefetch/2 {
			return fmt.Errorf("worker: scale queue %s: the concurrency is %d, want 1 to %d", q.config.Name, c.Concurrency, maxPrefetch/2)
		}
		q.SetConcurrency(c.Concurrency)
		a.Result = fmt.Sprintf("concurrency of %s is %d", q.config.Name, q.Health().Concurrency)
		return nil
	}
	s.await(ctx, func() bool { return q.Health().State == want })
	h := q.Health()
	a.Result = fmt.Sprintf("%s is %s", q.config.Name, h.State)
	if h.State == want {
		return nil
	}
	err := fmt.Errorf("worker: %s queue %s: it is %s after %v", c.Name, q.config.Name, h.State, stateTimeout)
	if h.Err != nil {
		err = fmt.Errorf("%w: %w", err, h.Err)
	}
	return err
}

// stateTimeout is how long control waits for a state.
const stateTimeout = 3 * time.Second

// await waits until reached returns true, for stateTimeout at most.
func (s *announced) await(ctx context.Context, reached func() bool) {
	ctx, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if reached() {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// cancel cancels a message in hand.
func (s *announced) cancel(c fleet.Command, a *fleet.Answer) (concerned bool, err error) {
	if c.Verdict != fleet.VerdictRetry && c.Verdict != fleet.VerdictDeadLetter {
		return true, fmt.Errorf("worker: cancel a message: the verdict is %q, want %s or %s", c.Verdict, fleet.VerdictRetry, fleet.VerdictDeadLetter)
	}
	for _, q := range s.worker.queues {
		if n := q.running.cancel(c.ID, &cancelledError{by: c.By, verdict: c.Verdict}); n > 0 {
			a.Result = fmt.Sprintf("message %s of %s is cancelled: %s once its handler returns", c.ID, q.config.Name, c.Verdict)
			concerned = true
		}
	}
	return concerned, nil
}

// stacks adds the stacks of the goroutines that handle messages.
func (s *announced) stacks(c fleet.Command, a *fleet.Answer) (concerned bool) {
	for _, q := range s.worker.queues {
		messages, goroutines := q.running.list(q.config.Name, c.ID)
		for i, m := range messages {
			if len(a.Stacks) == fleet.MaxInHand {
				break
			}
			if a.Goroutines == nil {
				a.Goroutines = stacks()
			}
			a.Stacks = append(a.Stacks, fleet.Stack{InHand: m, Stack: a.Goroutines[goroutines[i]]})
		}
	}
	return len(a.Stacks) > 0 || c.ID == ""
}

// execute executes a command on the messages that wait in the parking queue.
func (p *parking) execute(ctx context.Context, c fleet.Command, a *fleet.Answer) (err error) {
	n := 0
	defer func() {
		if errors.Is(err, delay.ErrNotHeld) {
			err = fmt.Errorf("%w: %w", fleet.ErrUnknown, err)
		}
	}()
	switch c.Name {
	case fleet.DelayList:
		return p.list(ctx, c, a)
	case fleet.DelayShow:
		return p.show(ctx, c, a)
	case fleet.DelayRun:
		n, err = p.keeper.Release(ctx, c.ID)
	case fleet.DelayCancel:
		n, err = p.keeper.Drop(ctx, c.ID)
	}
	a.Result = fmt.Sprintf("%d messages", n)
	if n == 1 {
		a.Result = "1 message"
	}
	return err
}

func (p *parking) list(ctx context.Context, c fleet.Command, a *fleet.Answer) error {
	page, err := p.keeper.List(ctx, c.Offset, min(c.Limit, fleet.MaxPage))
	a.Delays = &fleet.Delays{Queue: p.queue, Held: page.Held, Flying: page.Flying}
	for _, m := range page.Messages {
		a.Delays.Messages = append(a.Delays.Messages, delayed(m))
	}
	return err
}

func (p *parking) show(ctx context.Context, c fleet.Command, a *fleet.Answer) error {
	at, m, err := p.keeper.Message(ctx, c.ID)
	if err != nil {
		return err
	}
	d := delayed(at)
	d.Headers, d.Body = m.Headers, m.Body
	if d.Clipped = len(m.Body) > fleet.MaxBody; d.Clipped {
		d.Body = m.Body[:fleet.MaxBody]
	}
	a.Delayed = &d
	return nil
}

func delayed(w delay.Waiting) fleet.Delayed {
	return fleet.Delayed{ID: w.ID, Exchange: w.To.Exchange, Key: w.To.Key, Due: w.Due, Attempt: w.Attempt, Bytes: w.Bytes, For: w.For}
}
