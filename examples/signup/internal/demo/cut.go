package demo

import (
	"fmt"
	"maps"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// cut is the last time that the button cut the connections.
type cut struct {
	at          time.Time
	reconnected time.Duration       // 0 until then
	inHand      int                 // at the cut
	outstanding map[string]struct{} // those whose outcome has not reached the broker, by copyOf
}

// copyOf identifies a queue's copy of a message.
func copyOf(m *message.Message) string { return m.Queue + "\x00" + m.ID }

// cutConnections cuts the connections to the broker.
func (d *Demo) cutConnections() string {
	d.watch.beginCut(time.Now())
	return fmt.Sprintf("Cut %s to the broker.", some(d.wires.cut(), "connection"))
}

func (w *watch) beginCut(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = &cut{at: now, inHand: len(w.inHand), outstanding: maps.Clone(w.inHand)}
}

// begun records that a handler has a message.
func (w *watch) begun(m *message.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.inHand == nil {
		w.inHand = make(map[string]struct{})
	}
	w.inHand[copyOf(m)] = struct{}{}
}

// ended records that a handler has ended. The caller holds the mutex.
func (w *watch) ended(e worker.Settled) {
	delete(w.inHand, copyOf(e.Message))
	if w.cut != nil && e.SettleErr == nil {
		delete(w.cut.outstanding, copyOf(e.Message))
	}
}

// reconnected records that the workers' connection is open.
func (w *watch) reconnected(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut != nil && w.cut.reconnected == 0 {
		w.cut.reconnected = now.Sub(w.cut.at)
	}
}

// handling returns the number of messages that handlers have.
func (w *watch) handling() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.inHand)
}

// lastCut returns what happened after the last cut, or nil if there was none.
func (w *watch) lastCut() *live.Cut {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut == nil {
		return nil
	}
	return &live.Cut{Reconnected: w.cut.reconnected, InHand: w.cut.inHand, Outstanding: len(w.cut.outstanding)}
}
