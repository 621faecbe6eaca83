package worker

import (
	"maps"
	"sync"
	"time"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

const (
	streamOffset = "x-stream-offset" // of a message, and where a consumer begins
	// streamPause is the delay before a message that was released is handled again: a stream
	// does not deliver it again.
	streamPause = time.Second
	// streamMargin is subtracted from the time of the worker where a time of the broker is needed.
	streamMargin = time.Minute
)

// offsets holds how far a stream was handled, so that the next consumer continues there.
// Streams do not keep it.
type offsets struct {
	mu    sync.Mutex
	began time.Time          // when the first consumer was opened
	next  int64              // behind the last message that was received
	open  map[int64]struct{} // received and not settled
}

// begin notes that a consumer was opened at the given time.
func (o *offsets) begin(at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.began.IsZero() {
		o.began = at
	}
}

// receiver returns a function that notes the messages of one consumer as they arrive, in order.
// Later would be too late: a message may wait in a lane when its consumer ends, while a message
// behind it is settled.
func (o *offsets) receiver() func(message.Headers) {
	first := true
	return func(h message.Headers) {
		offset := offsetOf(h)
		o.mu.Lock()
		defer o.mu.Unlock()
		if first { // the stream no longer has those before it
			maps.DeleteFunc(o.open, func(open int64, _ struct{}) bool { return open < offset })
			first = false
		}
		if o.open == nil {
			o.open = make(map[int64]struct{})
		}
		o.open[offset] = struct{}{}
		o.next = max(o.next, offset+1)
	}
}

func offsetOf(h message.Headers) int64 {
	offset, _ := h.Int(streamOffset)
	return offset
}

// done notes that the message was settled.
func (o *offsets) done(offset int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.open, offset)
}

// resume returns where the next consumer begins instead of at the configured offset. Before the first
// message that is a time: "next" would skip what was published since the last consumer ended. It
// reports false for the first consumer, and for offsets that are fixed.
func (o *offsets) resume(configured any) (offset any, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil {
		moves := configured == nil || configured == "next" || configured == "last"
		return o.began.Add(-streamMargin), moves && !o.began.IsZero()
	}
	next := o.next
	for received := range o.open {
		next = min(next, received)
	}
	return next, true
}

// isStream reports whether the queue is a stream.
func (q *Subscription) isStream() bool { return q.config.Type == topology.Stream }
