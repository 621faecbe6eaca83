package config

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// Batch configures handling of several messages in one call: see worker.Subscription.HandleBatch.
type Batch struct {
	Size int      `yaml:"size" jsonschema:"required,minimum=1,maximum=10000" jsonschema_description:"The most messages of a batch."`
	Wait Duration `yaml:"wait" jsonschema:"default=1s" jsonschema_description:"How long the first message of a batch waits for others. It must be shorter than the timeout of the queue, which includes it."`
}

// UnmarshalYAML begins with the defaults.
func (b *Batch) UnmarshalYAML(n *yaml.Node) error {
	type plain Batch
	*b = Batch{Wait: Duration(time.Second)}
	return n.Decode((*plain)(b))
}

// batchSize returns the size of the largest batch, or 0 if no handler has batches.
func (q Queue) batchSize() (largest int) {
	for _, h := range q.Handlers {
		if h.Batch != nil {
			largest = max(largest, h.Batch.Size)
		}
	}
	return largest
}

// AtOnce returns how many messages are handled at the same time. With batches, Concurrency is the
// number of batches.
func (q Queue) AtOnce() int { return q.Concurrency * max(q.batchSize(), 1) }

// checkBatches checks the batches of a queue.
func (d *document) checkBatches(path string, q Queue) {
	size := q.batchSize()
	if size == 0 {
		return
	}
	if at := join(path, "min_concurrency"); q.MinConcurrency > 0 {
		d.complainf(at, "min_concurrency is set, want none with batch: how long a message takes depends on the messages that it waits for")
	}
	d.checkBatchLimit(path, q.Limit, size)
	for i, h := range q.Handlers {
		at := join(join(path, "handlers"), strconv.Itoa(i))
		if h.Batch != nil {
			d.ifMap(at, func(at string) { d.checkBatch(at, h, q) })
		} else if want := h.insteadOfBatch(); want != "" {
			d.complainf(join(at, h.Kind()), "the handler has no batch but another handler of the queue has one, want %s: concurrency counts batches in this queue", want)
		}
	}
}

// insteadOfBatch returns what a handler without a batch needs in a queue with batches, or "".
func (h Handler) insteadOfBatch() string {
	switch h.Kind() {
	case "exec", "persistent", "webhook":
		return "a batch here too, such as {size: 1}, or another queue"
	case "go":
		return "a handler of runner.GoBatch with a batch, or another queue"
	}
	return ""
}

// checkBatchLimit reports a limit that is below the size of a batch.
func (d *document) checkBatchLimit(path string, limit SharedLimit, size int) {
	if n := limit.Concurrency; n > 0 && n < size {
		d.complainf(join(path, "limit.concurrency"), "concurrency is %d, want %d (the size of batch) or more: it counts messages, and no batch would be full", n, size)
	}
}

func (d *document) checkBatch(path string, h Handler, q Queue) {
	at := join(path, "batch")
	if wait, limit := time.Duration(h.Batch.Wait), time.Duration(q.Timeout); limit > 0 && wait >= limit && d.sound(at, "wait") {
		d.complainf(join(at, "wait"), "wait is %v, want less than %v, the timeout of the queue", wait, limit)
	}
	if why := h.whyNoBatch(); why != "" {
		d.complainf(keyOf(at), "the handler has batch%s", why)
	}
	d.checkBatchLimit(path, h.Limit, h.Batch.Size)
}

// whyNoBatch returns why h cannot have batches, or "".
func (h Handler) whyNoBatch() string {
	switch {
	case !slices.Contains([]string{"exec", "persistent", "webhook", "go"}, h.Kind()):
		return ", want it only with exec, persistent, webhook or go"
	case h.Emits != nil:
		return " and emits, want one of them: each emitted message belongs to one handled message"
	case h.Replies != nil:
		return " and replies, want one of them: each reply belongs to one call"
	case h.Checkpoints:
		return " and checkpoints, want one of them: each checkpoint belongs to one message"
	case h.Webhook != nil && h.Webhook.CloudEvents:
		return " and cloud_events, want one of them: the attributes in the headers belong to one message"
	}
	return ""
}

// mostConcurrency returns the highest concurrency whose default prefetch is possible in AMQP, and what
// that prefetch is.
func (q Queue) mostConcurrency() (most int, prefetch string) {
	most, prefetch = maxPrefetch/2, "twice the concurrency"
	if q.MaxPriority > 0 {
		most, prefetch = maxPrefetch, "the concurrency"
	}
	if size := q.batchSize(); size > 0 {
		most, prefetch = most/size, prefetch+" times the batch size"
	}
	return most, prefetch
}

// leastPrefetch returns the smallest valid prefetch, with its reason.
func (q Queue) leastPrefetch() string {
	if size := q.batchSize(); size > 0 {
		return fmt.Sprintf("%d (the concurrency of %d, times the batch size of %d)", q.AtOnce(), q.Concurrency, size)
	}
	return fmt.Sprintf("%d (the concurrency)", q.Concurrency)
}
