package worker

import (
	"cmp"
	"fmt"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
)

// native reports whether the broker keeps the pauses of the queue's retries.
func (q Queue) native() bool { return q.Delays == topology.Native }

// retryPolicy returns the policy with the defaults of the queue's kind of delays. With native
// delays a Multiplier of zero stays: the pauses grow by InitialInterval.
func (q Queue) retryPolicy() retry.Policy {
	p := q.Retry.WithDefaults()
	if !q.native() {
		return p
	}
	p.Multiplier = q.Retry.Multiplier
	p.RandomizationFactor = cmp.Or(q.Retry.RandomizationFactor, -1)
	if p.Multiplier == 1 {
		p.MaxInterval = p.InitialInterval
	}
	return p
}

// validateDelays reports the settings that the broker cannot keep.
func (q Queue) validateDelays(f *check.Faults) {
	f.Addf(q.Delays != "" && !q.native(), "Delays is %q, want %q or none", q.Delays, topology.Native)
	if !q.native() {
		return
	}
	p := q.retryPolicy()
	f.Addf(q.HoldRetries || q.OnlyArguments || q.PerProcess, "Delays is native, want neither HoldRetries nor OnlyArguments nor PerProcess")
	f.Addf(q.SingleActive, "Delays is native, want no SingleActive: each stop would count as an attempt of all prefetched messages and delay them behind later ones")
	f.Addf(!q.WorkQueue(nil).CountsDeliveries(), "Delays is native, and classic queues have no native delays: want Type quorum and no MaxPriority")
	f.Addf(p.Multiplier != 0 && p.Multiplier != 1,
		"Retry.Multiplier is %v and Delays is native, want 0 or 1: the broker's pauses grow by InitialInterval each time (0), or are all equal (1)", p.Multiplier)
	f.Addf(p.RandomizationFactor > 0, "Retry.RandomizationFactor is %v and Delays is native, want 0: the broker does not randomize pauses", p.RandomizationFactor)
	f.Addf(p.InitialInterval%time.Millisecond != 0 || p.MaxInterval%time.Millisecond != 0,
		"Retry has intervals of %v and %v and Delays is native, want whole milliseconds", p.InitialInterval, p.MaxInterval)
	f.Addf(p.MaxAttempts < 0, "Retry.MaxAttempts is %d and Delays is native, want 1 or more: the broker's delivery limit counts retries too", p.MaxAttempts)
}

// retryPauses sets what the broker keeps of the policy. The delivery limit counts retries as
// well as lost deliveries, so it is raised by the attempts.
func (q Queue) retryPauses(w *topology.WorkQueue) {
	if !q.native() {
		return
	}
	p := q.retryPolicy()
	w.RetryPause, w.MaxRetryPause = p.InitialInterval, p.MaxInterval
	w.DeliveryLimit = max(p.MaxAttempts, 0) + cmp.Or(w.DeliveryLimit, topology.DefaultDeliveryLimit)
}

// nativePolicy returns p with the pause that the broker keeps after the next failure of a
// message with that delivery count.
func nativePolicy(p retry.Policy, deliveries int) retry.Policy {
	pause := p.MaxInterval
	if n := int64(deliveries) + 1; n <= int64(pause/p.InitialInterval) {
		pause = time.Duration(n * p.InitialInterval.Nanoseconds())
	}
	return retry.Policy{MaxAttempts: p.MaxAttempts, InitialInterval: pause, MaxInterval: pause, Multiplier: 1, RandomizationFactor: -1}
}

// policyFor returns the retry policy for a failure of m.
func (q *Subscription) policyFor(m *message.Message) retry.Policy {
	if q.config.native() {
		return nativePolicy(q.policy(), m.DeliveryCount)
	}
	return q.policy()
}

// delayedByBroker reports whether the broker keeps the pause of a retry. It cannot keep a
// pause that the error asks for. A checkpoint needs a copy of the message, and so does a message that
// overran its time in a batch: it is handled alone in its next attempt, by the reason in its headers.
func (q *Subscription) delayedByBroker(a *attempt, out Outcome) bool {
	_, after := retry.AfterDelay(out.Err)
	overran := out.Reason == message.ReasonTimeout && q.hasBatches()
	return q.config.native() && !after && !overran && !snoozed(out) && a.saved() == a.Message.Headers.String(record.HeaderCheckpoint)
}

// checkNative returns an error if a queue has native delays and the broker would ignore them.
func (w *Worker) checkNative(s *amqp.Session) error {
	for _, q := range w.queues {
		if q.config.native() && !s.DelaysRetries() {
			return fmt.Errorf("worker: queue %q: native delays need RabbitMQ 4.3 or later (got %s): upgrade the broker, or set no Delays",
				q.config.Name, cmp.Or(s.BrokerVersion(), "an unknown version"))
		}
	}
	return nil
}
