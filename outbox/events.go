package outbox

import (
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/internal/panics"
	"github.com/warren-mq/warren/internal/telemetry"
)

// Event is one of the types below. Events may get further fields.
type Event interface{ event() }

// Published says that the broker has confirmed a message, and that its row is marked as
// published.
type Published struct {
	ID, Exchange, Key, Aggregate string
	Waited                       time.Duration     // since Write, by the database's clock
	Span                         trace.SpanContext // in which it was written; invalid without tracing
}

// Late says that the broker had not confirmed a message when the time for its batch, a
// third of Config.Lease, was over. The relay keeps waiting and publishes no second copy
// meanwhile. The later messages of the same aggregate wait. Other messages do not.
type Late struct {
	ID, Exchange, Key, Aggregate string
	Span                         trace.SpanContext // in which it was written; invalid without tracing
}

// Failed says that the broker refused a message. It is tried again. The later messages of
// its aggregate wait. Other messages do not.
type Failed struct {
	ID, Exchange, Key, Aggregate string
	Attempts                     int               // this one included
	Pause                        time.Duration     // until the next
	Err                          error             // such as broker.ErrUnroutable, broker.ErrNacked
	Span                         trace.SpanContext // in which it was written; invalid without tracing
}

// Interrupted says that the broker or the database is unavailable, or that the relay has
// lost leases. The messages that the relay had taken are published again, and may arrive
// twice. It also reports old rows that could not be deleted, which stops no message.
type Interrupted struct{ Err error }

// Resumed says that the relay works again after Interrupted.
type Resumed struct{}

// Cleaned says that the relay has deleted what is no longer needed.
type Cleaned struct {
	Rows   int64 // messages that were published longer ago than Config.Retention
	Keys   int64 // of Message.Unique, whose windows have ended
	Groups int64 // that were closed longer ago than Config.Retention
}

func (Published) event()   {}
func (Late) event()        {}
func (Failed) event()      {}
func (Interrupted) event() {}
func (Resumed) event()     {}
func (Cleaned) event()     {}

// emit logs e and passes it to OnEvent. All events go through it.
func (r *Relay) emit(e Event) {
	r.emitting.Lock() // late messages have goroutines of their own
	defer r.emitting.Unlock()
	r.log(e)
	if r.config.OnEvent == nil {
		return
	}
	if caught := panics.Catch(func() { r.config.OnEvent(e) }); caught != nil {
		r.config.Logger.Error("outbox: OnEvent panicked", "event", fmt.Sprintf("%T", e), "error", caught, "stack", caught.Stack)
	}
}

// log writes e as one line. Successes are logged at debug level.
func (r *Relay) log(e Event) {
	log := r.config.Logger
	switch e := e.(type) {
	case Published:
		log.DebugContext(telemetry.Within(e.Span), "outbox: published", "message_id", e.ID, "exchange", e.Exchange, "key", e.Key, "aggregate", e.Aggregate, "waited", e.Waited)
	case Late:
		log.WarnContext(telemetry.Within(e.Span), "outbox: confirm is late, waiting", "message_id", e.ID, "exchange", e.Exchange, "key", e.Key, "aggregate", e.Aggregate)
	case Failed:
		log.ErrorContext(telemetry.Within(e.Span), "outbox: not published, trying again", "message_id", e.ID, "exchange", e.Exchange, "key", e.Key,
			"aggregate", e.Aggregate, "attempts", e.Attempts, "pause", e.Pause, "error", e.Err)
	case Interrupted:
		log.Warn("outbox: interrupted", "error", e.Err)
	case Resumed:
		log.Info("outbox: resumed")
	case Cleaned:
		log.Debug("outbox: old rows deleted", "rows", e.Rows, "keys", e.Keys, "groups", e.Groups)
	}
}
