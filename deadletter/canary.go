package deadletter

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/inspect"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

const (
	canaryWait = 30 * time.Second
	canaryPoll = 100 * time.Millisecond
	// searchPause is the shortest pause between two searches for canaries in the dead-letter
	// queue. The pause also lasts at least searchShare times as long as the last search,
	// because reading a long queue takes long.
	searchPause = time.Second
	searchShare = 10
)

// CanaryState is the progress of a replay's canaries: the dead letters that it replays
// before all others.
type CanaryState struct {
	Sent      int           // canaries published to their work queues
	Begun     int           // canaries whose first attempt is running, as reported by workers
	Succeeded int           // canaries whose first attempt succeeded, as reported by workers
	Wait      time.Duration // the longest time that the replay waits for them
	Idle      string        // a work queue with messages and without consumers; empty if each has consumers
	Over      bool          // the canaries have passed; the replay continues with the other dead letters
}

// String describes the state in one line.
func (s CanaryState) String() string {
	text := fmt.Sprintf("%d of %d succeeded", s.Succeeded, s.Sent)
	switch silent := s.Sent - s.Succeeded - s.Begun; {
	case s.Over && silent > 0:
		return text + fmt.Sprintf("; %d without a report from a worker, and not dead-lettered again within %v", silent, s.Wait)
	case s.Over:
		return text
	case s.Begun > 0:
		text += fmt.Sprintf(", %d being handled", s.Begun)
	}
	text += fmt.Sprintf("; waiting up to %v", s.Wait)
	if s.Idle != "" {
		text += fmt.Sprintf("; queue %s has no consumers", s.Idle)
	}
	return text
}

// canary is one dead letter that was replayed before the others.
type canary struct {
	id          string
	failed      time.Time // before the replay
	replayed    time.Time
	begun, done bool
}

// is reports whether l is the canary, dead-lettered again. If the message has lost its
// headers, the id identifies it.
func (c *canary) is(l *DeadLetter) bool {
	if l.ID != c.id {
		return false
	}
	return l.ReplayedAt.Equal(c.replayed) || l.ReplayedAt.IsZero() && !l.FailedAt.Before(c.failed)
}

// canaries holds the dead letters that were replayed first, and their outcomes. Workers
// report the first attempt of each. Consumers of other programs send no reports; if they
// dead-letter a canary, it is found in the dead-letter queue.
type canaries struct {
	reports    *amqp.Consumer  // nil if the broker refused the consumer
	flying     bool            // canaries are being published
	sent       []*canary       // sent[n] has the number n in its header
	targets    map[string]bool // the work queues that have not been seen empty since
	state      CanaryState
	known      int       // length of the dead-letter queue at the last search
	nextSearch time.Time // the earliest time of the next search
}

// runCanary replays the canaries and waits for their outcomes.
func (r *replayer) runCanary(ctx context.Context) error {
	c := &r.canaries
	c.targets = make(map[string]bool)
	reports, err := r.inspection.Session().ConsumeReports(ctx)
	if err == nil {
		c.reports = reports
	} else if r.inspection.Session().Err() != nil || ctx.Err() != nil {
		return err
	}
	c.flying = true
	err = r.sweep.run(ctx, r.Canary)
	c.flying = false
	if err == nil && r.result.Done > 0 {
		err = r.inspection.GiveBack()
	}
	if err == nil && r.result.Done > 0 {
		err = r.awaitCanary(ctx)
	}
	c.drop()
	return err
}

// drop closes the reports' consumer. The broker then deletes its queue with all unread reports.
func (c *canaries) drop() {
	if c.reports != nil {
		unread, cancel := context.WithCancel(context.Background())
		cancel()                    // so that Close does not wait
		_ = c.reports.Close(unread) // after an error the queue goes with the connection
	}
}

// canary returns the message of the dead letter as a canary.
func (r *replayer) canary(l *DeadLetter) *message.Message {
	c, m := &r.canaries, revived(l, r.By)
	c.targets[l.WorkQueue] = true
	if c.reports != nil {
		m.Headers[record.HeaderCanary] = amqp.CanaryHeader(c.reports.Queue(), len(c.sent))
	}
	replayed, _ := m.Headers.Time(record.HeaderReplayedAt) // written by revived
	c.sent = append(c.sent, &canary{id: l.ID, failed: l.FailedAt, replayed: replayed})
	return m
}

// awaitCanary blocks until the outcome of every canary is known, a canary has failed, or
// CanaryWait is over.
func (r *replayer) awaitCanary(ctx context.Context) error {
	c := &r.canaries
	c.state = CanaryState{Sent: r.result.Done, Wait: cmp.Or(r.CanaryWait, canaryWait)}
	c.known = r.result.Total - r.result.Done
	r.reportState()
	over := time.After(c.state.Wait)
	tick := time.NewTicker(canaryPoll)
	defer tick.Stop()
	reports, stop := r.receive()
	defer stop()
	for c.state.Succeeded < c.state.Sent {
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case m := <-reports:
			err = r.note(m)
		case <-tick.C:
			err = r.watch(ctx)
		case <-over:
			if err := r.checkUnreported(ctx); err != nil {
				return err
			}
			c.state.Over = true
			r.reportState()
			return nil
		}
		if err != nil {
			return err
		}
	}
	c.state.Over = true
	r.reportState()
	return nil
}

// receive returns a channel of reports. It delivers until stop is called.
func (r *replayer) receive() (reports <-chan *message.Message, stop func()) {
	c, received, stopped, ended := r.canaries.reports, make(chan *message.Message), make(chan struct{}), make(chan struct{})
	if c == nil {
		return nil, func() {}
	}
	go func() {
		defer close(ended)
		for d, ok := c.Receive(stopped); ok; d, ok = c.Receive(stopped) {
			m := new(message.Message)
			d.Fill(m)
			if d.Ack() != nil {
				return // the session has ended: awaitCanary gets its error from the next watch
			}
			select {
			case received <- m:
			case <-stopped:
				return
			}
		}
	}()
	return received, func() { close(stopped); <-ended }
}

// note records a report. It returns an error if the canary has failed.
func (r *replayer) note(m *message.Message) error {
	canary := r.canaries.find(m.Headers.String(record.HeaderCanary))
	if canary == nil || canary.done {
		return nil
	}
	switch m.Type {
	case "begun":
		canary.begun = true
	case "ack", "discard":
		canary.done = true
	default:
		reason, text := m.Headers.String(record.HeaderReason), m.Headers.String(record.HeaderError)
		return fmt.Errorf("%w: %s in %s: %s: %s", ErrCanary, canary.id, m.Headers.String(record.HeaderQueue), reason, text)
	}
	r.update()
	return nil
}

// find returns the canary with the given header, or nil.
func (c *canaries) find(header string) *canary {
	for n, sent := range c.sent {
		if amqp.CanaryHeader(c.reports.Queue(), n) == header {
			return sent
		}
	}
	return nil
}

// update counts the outcomes, and calls OnCanary if the state has changed.
func (r *replayer) update() {
	before := r.canaries.state
	now := &r.canaries.state
	now.Begun, now.Succeeded = 0, 0
	for _, canary := range r.canaries.sent {
		switch {
		case canary.done:
			now.Succeeded++
		case canary.begun:
			now.Begun++
		}
	}
	if *now != before {
		r.reportState()
	}
}

func (r *replayer) reportState() {
	if r.OnCanary != nil {
		r.OnCanary(r.canaries.state)
	}
}

// watch checks the queues for canaries that no worker reports on.
func (r *replayer) watch(ctx context.Context) error {
	idle, _, err := r.stillWaiting(ctx)
	if err != nil {
		return err
	}
	if before := r.canaries.state.Idle; before != idle {
		r.canaries.state.Idle = idle
		r.reportState()
	}
	if time.Now().Before(r.canaries.nextSearch) {
		return nil
	}
	return r.findReturned(ctx)
}

// checkUnreported decides whether canaries without a reported outcome have passed when CanaryWait is over.
func (r *replayer) checkUnreported(ctx context.Context) error {
	if err := r.findReturned(ctx); err != nil {
		return err
	}
	for _, canary := range r.canaries.sent {
		if canary.begun && !canary.done {
			return fmt.Errorf("%w: message %s is still being handled after %v", ErrCanary, canary.id, r.canaries.state.Wait)
		}
	}
	_, waiting, err := r.stillWaiting(ctx)
	if err == nil && waiting != "" {
		err = fmt.Errorf("%w: not known to have left its work queue after %v: %s", ErrCanary, r.canaries.state.Wait, waiting)
	}
	return err
}

// stillWaiting describes a work queue that has never been empty since the canaries were
// published to it. It also returns the name of such a queue without consumers.
func (r *replayer) stillWaiting(ctx context.Context) (idle, waiting string, err error) {
	for queue := range r.canaries.targets {
		state, err := r.inspection.Session().State(ctx, queue)
		if err != nil {
			return "", "", err
		}
		if state.Messages == 0 {
			delete(r.canaries.targets, queue)
			continue
		}
		if state.Consumers == 0 && (idle == "" || queue < idle) {
			idle = queue
		}
		waiting = fmt.Sprintf("queue %s has %d ready messages and %d consumers", queue, state.Messages, state.Consumers)
	}
	return idle, waiting, nil
}

// findReturned searches the dead-letter queue for canaries, if the queue has grown since the
// last search.
func (r *replayer) findReturned(ctx context.Context) error {
	c, began := &r.canaries, time.Now()
	there, err := r.inspection.State()
	if err != nil || there.Messages <= c.known {
		return err
	}
	back, example := 0, ""
	err = r.inspection.Read(ctx, there.Messages, func(h *inspect.Held) (bool, error) {
		l := open(r.queue, h)
		if slices.ContainsFunc(c.sent, func(sent *canary) bool { return sent.is(&l) }) {
			back, example = back+1, l.Error
		}
		return true, nil
	})
	if err == nil {
		err = r.inspection.GiveBack()
	}
	c.known, c.nextSearch = there.Messages, time.Now().Add(max(searchPause, searchShare*time.Since(began)))
	if err == nil && back > 0 {
		err = fmt.Errorf("%w: %d of %d canaries were dead-lettered again: %s", ErrCanary, back, len(c.sent), example)
	}
	return err
}
