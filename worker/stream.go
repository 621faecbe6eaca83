package worker

import (
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
)

// offsets holds how far a stream was handled, so that a consumer that replaces a lost one
// continues there. Streams do not keep it.
type offsets struct {
	mu   sync.Mutex
	next int64 // behind the last message that was begun
	open map[int64]struct{}
}

// begin notes that a message is handled, and returns its offset.
func (o *offsets) begin(m *message.Message) int64 {
	offset, _ := m.Headers.Int(streamOffset)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil {
		o.open = make(map[int64]struct{})
	}
	o.open[offset] = struct{}{}
	o.next = max(o.next, offset+1)
	return offset
}

// done notes that the message was settled.
func (o *offsets) done(offset int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.open, offset)
}

// resume returns where the next consumer begins, if one has received messages before.
func (o *offsets) resume() (offset int64, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	offset = o.next
	for begun := range o.open {
		offset = min(offset, begun)
	}
	return offset, o.open != nil
}

// isStream reports whether the queue is a stream.
func (q *Subscription) isStream() bool { return q.config.Type == topology.Stream }
