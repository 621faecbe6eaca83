package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/fleet"
	fleetwire "github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/amqp/limit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// announced is a worker as a part of its process's announcements.
type announced struct {
	worker  *Worker
	tallies map[string]*tally // by queue

	mu      sync.Mutex
	failure *fleetwire.Failure
	changed chan struct{} // closed when the state of a queue changes
}

// tally counts the outcomes of a queue. The rates are used by one goroutine.
type tally struct {
	ok, retry, dead             atomic.Int64
	published                   atomic.Int64 // when the newest settled message was published, Unix time in ms
	lastOK, lastRetry, lastDead int64
	rateOK, rateRetry, rateDead float64
	at                          time.Time
}

// announce returns a function that adds the worker to the announcements of its process, and
// that returns a function to remove it. They do nothing unless Config.Fleet is set.
func (w *Worker) announce() (join func() (leave func())) {
	c := w.config.Fleet
	if c == nil {
		return func() func() { return func() {} }
	}
	s := &announced{worker: w, tallies: make(map[string]*tally), changed: make(chan struct{})}
	for _, q := range w.queues {
		s.tallies[q.config.Name] = &tally{at: time.Now()}
	}
	w.watchers = append(w.watchers, s.note)
	o := fleetOptions(c, w.log)
	return func() func() { return w.connections.member().Join(o, s) }
}

func fleetOptions(c *fleet.Config, log *slog.Logger) fleetwire.Options {
	o := fleetwire.Options{Users: c.Users, Version: c.Version, Log: log, Level: c.Level, Drain: c.Drain, RunSchedule: c.RunSchedule}
	if c.Schedule != nil {
		o.Schedules = func() *fleetwire.Schedules {
			at := c.Schedule()
			if at.Group == "" {
				return nil
			}
			return &fleetwire.Schedules{Group: at.Group, Role: at.Role, Last: at.Last.UTC(), Reasons: at.Reasons}
		}
	}
	return o
}

// Announce announces the process until leave is called, even while it has no worker, such as a
// process that only publishes schedules. Workers with the same Connections and Config.Fleet
// announce the same process.
func (c *Connections) Announce(f fleet.Config, log *slog.Logger) (leave func()) {
	return c.member().Join(fleetOptions(&f, log), &bare{})
}

// bare is a part of a process that has no state to announce.
type bare struct{ _ byte } // with a size, so that each has an address of its own

func (*bare) Describe(*fleetwire.Announcement) {}

func (*bare) Execute(context.Context, fleetwire.Command, *fleetwire.Answer) (bool, error) {
	return false, nil
}

// member returns the member of the fleet that announces over the publishing connection.
func (c *Connections) member() *fleetwire.Member {
	c.announcing.Do(func() { c.fleet = fleetwire.NewMember(c.sender.Connector()) })
	return c.fleet
}

// note counts outcomes, remembers the last error, and has changes announced soon.
func (s *announced) note(e Event) {
	switch e := e.(type) {
	case Settled:
		s.count(e)
	case HandlerOverdue:
		s.fail(e.Queue, e.MessageID, fmt.Sprintf("the handler ignores its context, after %v", e.Age.Round(time.Second)))
		s.worker.connections.member().Changed()
	case StateChanged:
		if e.Err != nil {
			s.fail(e.Queue, "", e.Err.Error())
		}
		s.mu.Lock()
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
		s.worker.connections.member().Changed()
	}
}

func (s *announced) count(e Settled) {
	t := s.tallies[e.Queue]
	switch e.Outcome.Verdict {
	case Ack, Discard:
		t.ok.Add(1)
	case Retry:
		t.retry.Add(1)
	case DeadLetter:
		t.dead.Add(1)
	case Release:
		return
	}
	if e.SettleErr == nil {
		t.settled(e.Message, time.Now())
	}
	if err := e.Outcome.Err; err != nil {
		s.fail(e.Queue, e.Message.ID, err.Error())
	}
}

// settled records when the message was published. A later attempt is left out, because its message
// came back to the queue behind others.
func (t *tally) settled(m *message.Message, now time.Time) {
	waited, ok := record.Waited(m, now)
	if !ok || m.Attempt > 1 {
		return
	}
	at := now.Add(-waited).UnixMilli()
	for before := t.published.Load(); at > before && !t.published.CompareAndSwap(before, at); {
		before = t.published.Load()
	}
}

// maxFailure bounds the text of the last error, in bytes.
const maxFailure = 300

func (s *announced) fail(queue, id, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = &fleetwire.Failure{At: time.Now().UTC(), Queue: queue, ID: id, Error: record.Clip(text, maxFailure)}
}

// Describe adds the worker's state.
func (s *announced) Describe(a *fleetwire.Announcement) {
	h := s.worker.Health()
	a.Ready = a.Ready && h.Ready
	a.Reasons = append(a.Reasons, h.Reasons...)
	for i, q := range s.worker.queues {
		a.Queues = append(a.Queues, s.queue(q, h.Queues[i]))
		messages, _ := q.running.list(q.config.Name, "")
		a.InHand = append(a.InHand, messages...)
	}
	for _, p := range s.worker.parkings {
		if p.active.Load() {
			a.Parking = append(a.Parking, p.describe())
		}
	}
	s.limits(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.failure; f != nil && (a.LastError == nil || f.At.After(a.LastError.At)) {
		a.LastError = f
	}
}

// limits adds the limits that no other worker of the process has added.
func (s *announced) limits(a *fleetwire.Announcement) {
	for _, l := range limit.Distinct(s.worker.limits()) {
		if slices.ContainsFunc(a.Limits, func(other fleetwire.Limit) bool { return other.Name == l.Label() }) {
			continue
		}
		u := s.worker.connections.limits.Usage(l)
		a.Limits = append(a.Limits, fleetwire.Limit{Name: l.Label(), Slots: l.Slots, Held: u.Held, Waiting: u.Waiting})
	}
}

func (s *announced) queue(q *Subscription, h QueueHealth) fleetwire.Queue {
	t := s.tallies[h.Name]
	t.update(time.Now())
	state := fleetwire.Queue{
		Name: h.Name, DeadLetters: q.workQueue().DeadLetterQueue(), State: h.State.String(), InHand: h.InHand,
		Concurrency: q.consumers(h) * h.Concurrency, Prefetch: q.consumers(h) * q.config.prefetch(h.Concurrency),
		Partitions: len(q.partitions), Consumes: h.Partitions, Overdue: h.Overdue, OK: t.rateOK, Retry: t.rateRetry, Dead: t.rateDead,
	}
	state.AdaptiveLimit, _ = q.throttles.Least()
	state.Breaker, state.BreakerWaiting = q.throttles.Worst()
	if ms := t.published.Load(); ms > 0 {
		state.Settled = time.UnixMilli(ms).UTC()
	}
	if err := errors.Join(h.Err, h.TopologyErr, h.CopyErr); err != nil {
		state.Error = err.Error()
	}
	return state
}

// update computes the rates since the last update, at most once a second.
func (t *tally) update(now time.Time) {
	passed := now.Sub(t.at).Seconds()
	if passed < 1 {
		return
	}
	rate := func(count *atomic.Int64, last *int64) float64 {
		n := count.Load()
		defer func() { *last = n }()
		return float64(n-*last) / passed
	}
	t.at, t.rateOK, t.rateRetry, t.rateDead = now, rate(&t.ok, &t.lastOK), rate(&t.retry, &t.lastRetry), rate(&t.dead, &t.lastDead)
}

// describe returns the state of the parking queue.
func (p *parking) describe() fleetwire.Parking {
	state := fleetwire.Parking{Queue: p.queue, Next: p.keeper.NextDue()}
	if reasons := p.notReady(); len(reasons) > 0 {
		state.Error = reasons[0]
	}
	state.Held, _ = p.keeper.Held()
	return state
}
