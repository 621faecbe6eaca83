package worker

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/message"
)

// Event is something that happened in a worker: one of the types below. Events
// may grow fields.
type Event interface{ event() }

// SessionUp says that a connection was opened.
type SessionUp struct {
	Role    string // consume or publish
	Address string // host and port of the node
	Version string // of the broker
}

// ConnectFailed says that an attempt to connect failed: the first one, and then one a
// minute while they go on.
type ConnectFailed struct {
	Role string
	Err  error
}

// SessionDown says that a connection was lost. One that the worker closes at its
// end is not.
type SessionDown struct {
	Role string
	Err  error
}

// StateChanged says that a queue began or ceased to consume.
type StateChanged struct {
	Queue string
	State State
	Err   error // why it does not consume
}

// ConsumerLost says that a consumer could not be closed in order. The broker
// delivers again what it had in hand.
type ConsumerLost struct {
	Queue string
	Err   error
}

// Settled says what became of a message.
type Settled struct {
	Queue     string
	Handler   string // the pattern of the handler that was called, or that the routing key matches if none was
	Message   *message.Message
	Outcome   Outcome
	Took      time.Duration      // from receipt to outcome, the hand-over of a copy not included
	SettleErr error              // broker.ErrStale if the result was dropped; the message comes again
	Span      trace.SpanContext  // in which the handler ran; invalid without tracing, or if none ran
	Emitted   []*message.Message // what the handler emitted, published and confirmed; see broker.Publisher.Emit
}

// HandOffFailed says that the copy of a message for a retry or the dead-letter
// queue was not confirmed: it was refused or lost, and is sent again, or it has been on
// its way for 10 s, and is waited for. The message is not acked before.
type HandOffFailed struct {
	Queue   string
	Message *message.Message
	Outcome Outcome
	Err     error
	Span    trace.SpanContext // in which the handler ran; invalid without tracing, or if none ran
}

// ReplyFailed says that the reply to a request was not sent: its address is a queue that the
// handler does not reply to, the function of handler.WithReplyQueues panicked, or the broker did
// not confirm it before the caller's deadline. The message is not affected.
type ReplyFailed struct {
	Queue   string
	Message *message.Message // the request
	Err     error
	Span    trace.SpanContext // in which the handler ran; invalid without tracing, or if none ran
}

// CanaryReported says that the worker reported on the first attempt of a message that a
// replay sent ahead of others: that it begins, or its outcome.
type CanaryReported struct {
	Queue   string
	Message *message.Message
	Begun   bool // the attempt begins; then there is no outcome
	Outcome Outcome
	Err     error             // the report was not sent; the message is not affected
	Span    trace.SpanContext // in which the handler ran; invalid without tracing, or if none ran
}

// DelayFailed reports that a delayed message that is due, or a retry, was not taken where it
// goes: by its queue or exchange, or, if it waits for longer than about a minute, by the
// exchange warren.delay.… in between. It is kept and published again. The event is emitted at
// most once in 10 s for each exchange and routing key.
type DelayFailed struct {
	Queue                string // where the message waits
	Exchange, RoutingKey string
	MessageID            string // of one of the messages
	Err                  error
	Span                 trace.SpanContext // in which that message was published; invalid without tracing
}

// HandlerOverdue says that a handler has not returned 5 s after its deadline: it ignores
// its context. It keeps its slot of the queue's concurrency until it returns, and the
// message stays in hand. The event comes once for each run.
type HandlerOverdue struct {
	Queue      string
	MessageID  string
	RoutingKey string
	Attempt    int
	Age        time.Duration     // since the handler began
	Span       trace.SpanContext // in which it runs; invalid without tracing
}

// TopologyChanged reports that the broker refused to declare again what a queue in use
// needs, or that it has accepted the declarations since. The queue goes on consuming
// meanwhile, and the declaration is tried again. The event is emitted when Err changes.
//
// With Trusted, the broker refuses to say whether a queue or an exchange exists that the worker
// only verifies (topology.Verify), and the worker goes on as if it exists. This is emitted once
// for each name, and Err is a *topology.DeclarationError that contains the name.
type TopologyChanged struct {
	Queue   string // empty with Trusted
	Err     error  // nil if the declarations were accepted
	Trusted bool
}

// LimitFailed reports that this process cannot take the slots of a limit of package limit, or
// has lost some that handlers used. It tries again, and the messages wait.
type LimitFailed struct {
	Limit string // its name
	Err   error
}

// Isolated says that a message is about to be handled alone: the broker delivered it
// before without an outcome, DeliveryCount times, and it may be what ends the process.
type Isolated struct {
	Queue         string
	MessageID     string
	RoutingKey    string
	DeliveryCount int
	Span          trace.SpanContext // in which it was published; invalid without tracing
}

// Draining says that the worker was told to stop.
type Draining struct{ Cause error }

// Drained says that the worker has stopped.
type Drained struct{ Err error }

func (SessionUp) event()       {}
func (SessionDown) event()     {}
func (ConnectFailed) event()   {}
func (StateChanged) event()    {}
func (ConsumerLost) event()    {}
func (Settled) event()         {}
func (HandOffFailed) event()   {}
func (DelayFailed) event()     {}
func (HandlerOverdue) event()  {}
func (TopologyChanged) event() {}
func (LimitFailed) event()     {}
func (Isolated) event()        {}
func (CanaryReported) event()  {}
func (ReplyFailed) event()     {}
func (Draining) event()        {}
func (Drained) event()         {}

// emit feeds the metrics, the log and the watchers. All events but Settled take this way.
func (w *Worker) emit(e Event) {
	w.meter.count(e)
	w.logEvent(e)
	w.tell(e)
}

// emitSettled is emit for Settled, which allocates nothing if no one watches.
func (w *Worker) emitSettled(e Settled) {
	w.meter.countSettled(context.Background(), e)
	w.logSettled(e)
	if len(w.watchers) > 0 {
		w.tell(e)
	}
}

func (w *Worker) tell(e Event) {
	for _, f := range w.watchers {
		if err := safely(func() error { f(e); return nil }); err != nil {
			w.log.Error("worker: a function of Watch panicked", "event", fmt.Sprintf("%T", e), "error", err)
		}
	}
}

// Watch calls f with every event, in addition to the functions of earlier calls. f is
// called from many goroutines and must return quickly. A panic of f is logged. Watch panics
// once Run has begun, and is not safe for concurrent use.
func (w *Worker) Watch(f func(Event)) {
	if w.started.Load() {
		panic("worker: Watch was called after Run")
	}
	w.watchers = append(w.watchers, f)
}
