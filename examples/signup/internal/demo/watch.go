package demo

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/catcher"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/outbox"
	"github.com/warren-mq/warren/worker"
)

// watch collects the events of the worker, the outbox, the service and the mail server. It
// is safe for concurrent use.
type watch struct {
	prefix    string // of the queue names
	journeys  journeys
	newWay    latencies
	oldWay    latencies
	published atomic.Int64
	direct    atomic.Int64 // messages that went to the exchange without the outbox
	losses    atomic.Int64

	mu     sync.Mutex
	queues map[string]*tally // by queue name with prefix
	reset  *pending
	inHand map[string]struct{} // messages in handlers, by copyOf
	cut    *cut
}

// tally counts the outcomes of a queue.
type tally struct {
	done     int64
	failed   int64                // attempts
	retrying map[string]time.Time // due time of the next attempt, by message ID
}

// pending is the password reset behind a flood, with the state needed to find its position.
type pending struct {
	live.Reset

	account string
	at      time.Time
	before  int64 // mails that the queue had sent at that time
}

// of returns the tally of a queue. The caller holds the mutex.
func (w *watch) of(queue string) *tally {
	if w.queues == nil {
		w.queues = make(map[string]*tally)
	}
	if w.queues[queue] == nil {
		w.queues[queue] = &tally{retrying: make(map[string]time.Time)}
	}
	return w.queues[queue]
}

// working is a middleware that records the start of a handler.
func (w *watch) working(next handler.Handler) handler.Handler {
	return handler.Func(func(ctx context.Context, m *message.Message) error {
		w.begun(m)
		w.journeys.replayed(m)
		w.journeys.note(m.CorrelationID, live.Step{
			At: time.Now(), Where: m.Queue, What: taskOf(w.prefix, m).doing, State: live.Working, Attempt: m.Attempt,
		})
		return next.Handle(ctx, m)
	})
}

// onWorker records the events of the worker.
func (w *watch) onWorker(e worker.Event) {
	switch e := e.(type) {
	case worker.Settled:
		w.settled(e)
	case worker.SessionUp:
		if e.Role == "consume" {
			w.reconnected(time.Now())
		}
	case worker.SessionDown:
		if e.Role == "consume" { // the publish connection is lost at the same time
			w.losses.Add(1)
		}
	}
}

func (w *watch) settled(e worker.Settled) {
	now := time.Now()
	w.tally(e, now)
	w.journeys.settled(e.Message.CorrelationID, w.step(e, now))
}

// tally counts the outcome. It ignores an outcome that did not reach the broker, since the
// broker delivers that message again.
func (w *watch) tally(e worker.Settled, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended(e)
	if e.SettleErr != nil {
		return
	}
	t := w.of(e.Queue)
	delete(t.retrying, e.Message.ID)
	switch e.Outcome.Verdict {
	case worker.Ack, worker.Discard:
		t.done++
		w.delivered(e.Message, t.done, now)
	case worker.Retry:
		t.failed++
		t.retrying[e.Message.ID] = now.Add(e.Outcome.Delay)
	case worker.DeadLetter:
		t.failed++
	case worker.Release:
	}
}

// delivered records the position of the password reset behind the flood. The caller holds
// the mutex.
func (w *watch) delivered(m *message.Message, done int64, now time.Time) {
	r := w.reset
	if r != nil && m.RoutingKey == event.PasswordResetKey && m.CorrelationID == r.account && !r.at.IsZero() && r.Position == 0 {
		r.Position, r.Took = int(done-r.before), now.Sub(r.at)
	}
}

// onOutbox records the events of the relay.
func (w *watch) onOutbox(e outbox.Event) {
	if p, ok := e.(outbox.Published); ok {
		w.published.Add(1)
		w.journeys.note(p.Aggregate, live.Step{
			At: time.Now(), Where: "outbox", What: "published " + p.Key + " to " + p.Exchange + "; the broker confirmed it", State: live.Done, Took: p.Waited,
		})
	}
}

// onAnswer records an accepted sign-up.
func (w *watch) onAnswer(s live.Signup) {
	what := "saved the account and its event"
	switch {
	case s.Sync:
		what = "did all tasks while the visitor waited"
		w.oldWay.add(s.Took)
	case !isExtra(s.Email):
		w.newWay.add(s.Took)
	}
	if s.Known && !s.Sync {
		what = "saved an event only: the address has an account, which the answer does not reveal"
	}
	w.journeys.begin(s, what)
}

// onVerified records a followed verification link.
func (w *watch) onVerified(a account.Account) {
	w.journeys.verified(a.ID, live.Step{At: time.Now(), Where: "service", What: "the address is confirmed", State: live.Done})
}

// onReset records a password reset before it is published.
func (w *watch) onReset(e event.PasswordReset) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reset != nil && w.reset.account == e.AccountID && w.reset.at.IsZero() {
		w.reset.at, w.reset.before = time.Now(), w.of(w.prefix+app.WelcomeQueue).done
	}
}

// onMail records a mail that the catcher has accepted.
func (w *watch) onMail(m catcher.Mail) {
	if !strings.HasPrefix(m.Account, floodAccount) {
		w.journeys.note(m.Account, live.Step{At: m.At, Where: "mail server", What: "accepted the " + m.Kind + " mail", State: live.Done})
	}
}
