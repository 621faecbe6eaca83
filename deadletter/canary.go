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
	// lookPause is the least time between two looks for canaries among the letters, and
	// lookShare is how much longer than a look it is: a long queue takes long to read.
	lookPause = time.Second
	lookShare = 10
)

// CanaryState is how far a replay's canaries are: the letters that it sends ahead.
type CanaryState struct {
	Sent      int           // canaries that went to their work queues
	Begun     int           // being handled in their first attempt, as workers report
	Succeeded int           // handled in their first attempt, as workers report
	Wait      time.Duration // how long the replay waits for them at most
	Idle      string        // a work queue that has messages and no consumers; empty if there is none
	Over      bool          // the canaries have passed, and the other letters follow
}

// String describes the state in one line.
func (s CanaryState) String() string {
	text := fmt.Sprintf("%d of %d succeeded", s.Succeeded, s.Sent)
	switch silent := s.Sent - s.Succeeded - s.Begun; {
	case s.Over && silent > 0:
		return text + fmt.Sprintf("; no worker reported on %d, which did not come back within %v", silent, s.Wait)
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

// canary is one letter that was sent ahead.
type canary struct {
	id          string
	failed      time.Time // before the replay
	replayed    time.Time
	begun, done bool
}

// is reports whether l is the canary, dead-lettered again. A message that has lost its
// headers on its way is known by its id.
func (c *canary) is(l *Letter) bool {
	if l.ID != c.id {
		return false
	}
	return l.ReplayedAt.Equal(c.replayed) || l.ReplayedAt.IsZero() && !l.FailedAt.Before(c.failed)
}

// canaries are the letters that were sent ahead, and what is known of them. Workers
// report on the first attempt of each. Of workers that do not, such as other programs'
// consumers, the dead-letter queue tells what failed for good.
type canaries struct {
	reports *amqp.Consumer  // nil if there can be none
	flying  bool            // canaries are being sent
	sent    []*canary       // the nth has the number n in its header
	targets map[string]bool // the work queues that were not seen empty since
	state   CanaryState
	known   int       // letters there were at the latest look
	look    time.Time // when the next may be
}

// runCanary replays the first letters and waits for what becomes of them.
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

// drop ends the reports. Their queue goes with its consumer, and what is unread with it.
func (c *canaries) drop() {
	if c.reports != nil {
		unread, cancel := context.WithCancel(context.Background())
		cancel() // waits for nothing
		_ = c.reports.Close(unread)
	}
}

// launch returns the letter's message as a canary.
func (r *replayer) launch(l *Letter) *message.Message {
	c, m := &r.canaries, revived(l, r.By)
	c.targets[l.WorkQueue] = true
	if c.reports != nil {
		m.Headers[record.HeaderCanary] = amqp.CanaryHeader(c.reports.Queue(), len(c.sent))
	}
	replayed, _ := m.Headers.Time(record.HeaderReplayedAt) // written by revived
	c.sent = append(c.sent, &canary{id: l.ID, failed: l.FailedAt, replayed: replayed})
	return m
}

// awaitCanary returns when the fate of all canaries is known, one has failed, or the wait
// is over.
func (r *replayer) awaitCanary(ctx context.Context) error {
	c := &r.canaries
	c.state = CanaryState{Sent: r.result.Done, Wait: cmp.Or(r.CanaryWait, canaryWait)}
	c.known = r.result.Total - r.result.Done
	r.tell()
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
			if err := r.judge(ctx); err != nil {
				return err
			}
			c.state.Over = true
			r.tell()
			return nil
		}
		if err != nil {
			return err
		}
	}
	c.state.Over = true
	r.tell()
	return nil
}

// receive returns the reports as they come, until stop.
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
				return // the session has ended, and who waits for a report asks it something soon
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

// note notes a report. It returns an error if the canary has failed.
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

// find returns the canary that has the header, and nil if there is none.
func (c *canaries) find(header string) *canary {
	for n, sent := range c.sent {
		if amqp.CanaryHeader(c.reports.Queue(), n) == header {
			return sent
		}
	}
	return nil
}

// update tells how far the canaries are, if that has changed.
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
		r.tell()
	}
}

func (r *replayer) tell() {
	if r.OnCanary != nil {
		r.OnCanary(r.canaries.state)
	}
}

// watch looks at the queues for what no worker reports.
func (r *replayer) watch(ctx context.Context) error {
	idle, _, err := r.stillWaiting(ctx)
	if err != nil {
		return err
	}
	if before := r.canaries.state.Idle; before != idle {
		r.canaries.state.Idle = idle
		r.tell()
	}
	if time.Now().Before(r.canaries.look) {
		return nil
	}
	return r.comeBack(ctx)
}

// judge decides about canaries that no worker has reported the outcome of in time.
func (r *replayer) judge(ctx context.Context) error {
	if err := r.comeBack(ctx); err != nil {
		return err
	}
	for _, canary := range r.canaries.sent {
		if canary.begun && !canary.done {
			return fmt.Errorf("%w: within %v no worker has finished %s", ErrCanary, r.canaries.state.Wait, canary.id)
		}
	}
	_, waiting, err := r.stillWaiting(ctx)
	if err == nil && waiting != "" {
		err = fmt.Errorf("%w: within %v it was not seen to leave the work queue: %s", ErrCanary, r.canaries.state.Wait, waiting)
	}
	return err
}

// stillWaiting describes a work queue that was never seen empty since the canaries went
// there, and returns the name of one that has no consumers.
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
		waiting = fmt.Sprintf("%s has %d messages waiting and %d consumers", queue, state.Messages, state.Consumers)
	}
	return idle, waiting, nil
}

// comeBack looks for canaries among the letters, if there are more than at the last look.
func (r *replayer) comeBack(ctx context.Context) error {
	c, began := &r.canaries, time.Now()
	there, err := r.inspection.State()
	if err != nil || there.Messages <= c.known {
		return err
	}
	back, example := 0, ""
	err = r.inspection.Take(ctx, there.Messages, func(h *inspect.Held) (bool, error) {
		l := open(r.queue, h)
		if slices.ContainsFunc(c.sent, func(sent *canary) bool { return sent.is(&l) }) {
			back, example = back+1, l.Error
		}
		return true, nil
	})
	if err == nil {
		err = r.inspection.GiveBack()
	}
	c.known, c.look = there.Messages, time.Now().Add(max(lookPause, lookShare*time.Since(began)))
	if err == nil && back > 0 {
		err = fmt.Errorf("%w: %d of %d came back: %s", ErrCanary, back, len(c.sent), example)
	}
	return err
}
