package worker

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/delay"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// parkingState is what a parking reports about itself.
type parkingState struct {
	mu       sync.Mutex
	began    bool  // it was consumed once
	err      error // why the queue is not consumed, or is not bound
	absent   error // why the queue cannot be consumed, if the worker does not declare queues
	refusals map[delay.Address]*refusal
}

// refusal describes an address that does not take delayed messages.
type refusal struct {
	since          time.Time // zero if a message was taken since the last failure
	last, reported time.Time
	err            error
}

const (
	// maxRefusals bounds how many addresses are remembered; routing keys may contain ids.
	maxRefusals = 100
	// refusalReport is the time after which a refusal is a warning, and between two events
	// about the same address.
	refusalReport = 10 * time.Second
	// refusalForgotten is the time without a further failure after which a refusal is over.
	refusalForgotten = 2 * time.Minute
	// skewLimit is the difference between clocks from which it is a warning.
	skewLimit = time.Second
)

func (p *parking) note(err error) {
	p.state.mu.Lock()
	defer p.state.mu.Unlock()
	p.state.err, p.state.absent = err, nil
	if amqp.IsAbsent(err) && !p.worker.mode().Manages() {
		p.state.err, p.state.absent = nil, err
	}
	if p.state.err == nil && !p.state.began {
		p.state.began = true
		p.worker.began()
	}
}

// absent returns why the queue cannot be used, if the worker does not declare queues.
func (p *parking) absent() error {
	p.state.mu.Lock()
	defer p.state.mu.Unlock()
	return p.state.absent
}

// published counts a message that was published when it was due.
func (p *parking) published(m delay.Published) {
	if m.Due {
		p.worker.meter.late(p.queue, m.Late)
	}
	p.state.mu.Lock()
	defer p.state.mu.Unlock()
	if r := p.state.refusals[m.To]; r != nil {
		r.since = time.Time{}
	}
}

// failed reports a message that was not published. It is tried again.
func (p *parking) failed(to delay.Address, m *message.Message, err error) {
	p.worker.meter.delayFailed(p.queue)
	if p.state.refused(to, err, time.Now()) {
		p.worker.emit(DelayFailed{
			Queue: p.queue, Exchange: to.Exchange, RoutingKey: to.Key, MessageID: m.ID, Err: err, Span: p.worker.creation(m),
		})
	}
}

// creation returns the span in which a message was published.
func (w *Worker) creation(m *message.Message) trace.SpanContext {
	return telemetry.Creation(w.config.Propagator, m.Headers)
}

// refused notes a refusal. It reports whether to emit an event.
func (s *parkingState) refused(to delay.Address, err error, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.refusals[to]
	if r == nil {
		if s.refusals == nil {
			s.refusals = make(map[delay.Address]*refusal)
		}
		if len(s.refusals) >= maxRefusals {
			delete(s.refusals, s.stalest())
		}
		r = &refusal{}
		s.refusals[to] = r
	}
	if r.since.IsZero() {
		r.since = now
	}
	r.last, r.err = now, err
	if now.Sub(r.reported) < refusalReport {
		return false
	}
	r.reported = now
	return true
}

// stalest returns the address whose last failure is the longest ago.
func (s *parkingState) stalest() (oldest delay.Address) {
	for to, r := range s.refusals {
		if other := s.refusals[oldest]; other == nil || r.last.Before(other.last) {
			oldest = to
		}
	}
	return oldest
}

// notReady returns why delayed messages do not come back, if they do not.
func (p *parking) notReady() []string {
	p.state.mu.Lock()
	defer p.state.mu.Unlock()
	switch {
	case p.state.err != nil:
		return []string{fmt.Sprintf("queue %s is not consumed: %v", p.queue, p.state.err)}
	case !p.state.began:
		return []string{fmt.Sprintf("queue %s is not consumed yet", p.queue)}
	}
	return nil
}

// warnings returns which addresses have not taken delayed messages for refusalReport, and
// whether clocks differ.
func (p *parking) warnings() (all []string) {
	p.state.mu.Lock()
	defer p.state.mu.Unlock()
	if p.state.absent != nil {
		all = append(all, fmt.Sprintf("%s is not consumed, so delayed messages do not come back: %v", p.queue, p.state.absent))
	}
	now := time.Now()
	maps.DeleteFunc(p.state.refusals, func(_ delay.Address, r *refusal) bool { return now.Sub(r.last) > refusalForgotten })
	byName := func(a, b delay.Address) int { return strings.Compare(a.Exchange+"/"+a.Key, b.Exchange+"/"+b.Key) }
	for _, to := range slices.SortedFunc(maps.Keys(p.state.refusals), byName) {
		if r := p.state.refusals[to]; !r.since.IsZero() && now.Sub(r.since) >= refusalReport {
			all = append(all, fmt.Sprintf("%s: messages for %s have waited for %v, trying again: %v",
				p.queue, place(to), now.Sub(r.since).Round(time.Second), r.err))
		}
	}
	if ahead, ok := p.keeper.Skew(); ok && ahead < -skewLimit {
		all = append(all, fmt.Sprintf("%s: the clock of this machine is %v behind the clock of a publisher, so its messages are late by as much; synchronize the clocks",
			p.queue, -ahead.Round(time.Millisecond)))
	}
	return all
}

// place describes an address in words.
func place(to delay.Address) string {
	if to.Exchange == "" {
		return "queue " + to.Key
	}
	return fmt.Sprintf("exchange %s with key %q", to.Exchange, to.Key)
}
