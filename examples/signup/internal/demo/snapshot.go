package demo

import (
	"context"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/topology"
)

// pace is the interval at which the broker and the outbox are polled.
const pace = 500 * time.Millisecond

// recent is the number of sign-ups that the live page lists.
const recent = 10

// looker polls the broker and the outbox for the snapshot.
type looker struct {
	demo   *Demo
	broker *amqp.Connector
	routed meter
	queues map[string]*meter
	depths map[string]int // the last known depth by queue
}

// run looks until ctx is done.
func (l *looker) run(ctx context.Context) {
	for ctx.Err() == nil {
		s := l.look(ctx)
		l.demo.snapshot.Store(&s)
		select {
		case <-time.After(pace):
		case <-ctx.Done():
		}
	}
}

func (l *looker) look(ctx context.Context) live.Snapshot {
	d, now := l.demo, time.Now()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s := live.Snapshot{
		At: now, Broker: l.connection(), NewWay: d.watch.newWay.figures(), OldWay: d.watch.oldWay.figures(),
		Recent: d.watch.journeys.recent(recent, d.queues()),
	}
	s.Outbox.Published = d.watch.published.Load()
	if stats, err := d.app.Outbox().Stats(ctx); err == nil {
		s.Outbox.Waiting, s.Outbox.Oldest = stats.Pending, stats.Oldest
	}
	s.Exchange = live.Exchange{Name: d.prefix + event.Exchange, Type: "topic", Rate: l.routed.look(now, s.Outbox.Published+d.watch.direct.Load())}
	for _, q := range drawn {
		s.Queues = append(s.Queues, l.queue(ctx, now, q))
	}
	return s
}

func (l *looker) connection() live.Broker {
	b := live.Broker{Name: l.demo.brokerName, Losses: int(l.demo.watch.losses.Load())}
	if session, _ := l.broker.Current(); session != nil {
		b.Connected = true
		if b.Name == "" {
			b.Name = "RabbitMQ " + session.BrokerVersion()
		}
	}
	return b
}

// drawn holds what is constant about the queues, in the order in which they are drawn.
var drawn = []live.Queue{
	{Name: app.WelcomeQueue, What: "sends the welcome mail", Bindings: []string{event.SignedUpKey, event.PasswordResetKey}, MaxPriority: 10, SendsMail: true},
	{Name: app.VerificationQueue, What: "asks to confirm the address", Bindings: []string{event.SignedUpKey}, SendsMail: true},
	{Name: app.AnalyticsQueue, What: "counts sign-ups", Bindings: []string{event.SignedUpKey}},
	{Name: app.BillingQueue, What: "begins the trial", Bindings: []string{event.SignedUpKey}},
}

func (l *looker) queue(ctx context.Context, now time.Time, q live.Queue) live.Queue {
	health := l.demo.app.Subscription(q.Name).Health()
	q.InHand, q.Concurrency = health.InHand, health.Concurrency
	q.Name = l.demo.prefix + q.Name
	q.DeadQueue = topology.DeadLetterQueue(q.Name)
	q.Done, q.Retrying = l.demo.watch.progress(q.Name, now)
	if l.queues[q.Name] == nil {
		l.queues[q.Name] = &meter{}
	}
	q.Rate = l.queues[q.Name].look(now, q.Done)
	q.Ready, q.Dead = l.depth(ctx, q.Name), l.depth(ctx, q.DeadQueue)
	return q
}

// depth returns the number of ready messages in a queue. Without a connection it returns
// the last known number.
func (l *looker) depth(ctx context.Context, queue string) int {
	if session, _ := l.broker.Current(); session != nil {
		if state, err := session.State(ctx, queue); err == nil {
			l.depths[queue] = state.Messages
		}
	}
	return l.depths[queue]
}

// progress returns the number of messages that a queue has finished, and the number that
// wait for their next attempt.
func (w *watch) progress(queue string, now time.Time) (done int64, retrying int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.of(queue)
	for id, due := range t.retrying {
		if due.Before(now) { // it is back in the queue or in a handler
			delete(t.retrying, id)
		}
	}
	return t.done, len(t.retrying)
}

// count returns how many messages the queues have finished, and how many attempts failed.
func (w *watch) count(queues ...string) (done, failed int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, q := range queues {
		done, failed = done+w.of(q).done, failed+w.of(q).failed
	}
	return done, failed
}

func (w *watch) lastReset() *live.Reset {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reset == nil || w.reset.at.IsZero() {
		return nil
	}
	r := w.reset.Reset
	return &r
}
