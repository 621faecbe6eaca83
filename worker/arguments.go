package worker

import (
	"maps"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
)

// consumerArguments returns the arguments of the queue's next consumer. If the handlers may
// take longer than the broker's default consumer timeout, it asks for a longer one.
func (q *Subscription) consumerArguments(version string, concurrency int) message.Headers {
	args := message.Headers{}
	if longest := q.longestDelivery(concurrency); longest > amqp.DefaultConsumerTimeout && q.takesTimeout(version) {
		args[amqp.ConsumerTimeout] = longest.Milliseconds()
	}
	if offset, ok := q.offsets.resume(q.config.ConsumerArguments[streamOffset]); ok && q.isStream() {
		args[streamOffset] = offset
	}
	more := maps.Clone(q.config.ConsumerArguments)
	if _, resumes := args[streamOffset]; resumes {
		delete(more, streamOffset)
	}
	maps.Copy(args, more)
	return args
}

// takesTimeout reports whether a broker of that version takes a consumer timeout for the queue:
// from 4.3 on, and for quorum queues. It refuses the argument for others, so the kind of a queue
// of others must be set. RabbitMQ 4.0.5 accepted the argument and did not follow it.
func (q *Subscription) takesTimeout(version string) bool {
	known := q.config.Type != "" || q.mode().Manages()
	return amqp.Since43(version) && known && q.workQueue().CountsDeliveries()
}

// longestDelivery returns how long a message may be unacknowledged if each handler takes its
// Timeout: it waits for those that were received before it. It is zero without a Timeout.
func (q *Subscription) longestDelivery(concurrency int) time.Duration {
	if q.config.Timeout <= 0 || q.distributes() {
		return 0
	}
	prefetch := q.prefetch(concurrency, false)
	rounds := (prefetch + concurrency - 1) / concurrency
	if q.config.OrderBy != nil {
		rounds = prefetch // all of them may have the same key
	}
	return min(time.Duration(rounds)*min(q.config.Timeout, amqp.MaxAskedTimeout), amqp.MaxAskedTimeout) + amqp.TimeoutMargin
}
