package worker

import (
	"cmp"
	"context"
	"time"

	"github.com/warren-mq/warren/checkpoint"
	"github.com/warren-mq/warren/internal/record"
)

// releaseCopyTimeout bounds the publish of a checkpoint while the worker stops. It is shorter
// than abandonTimeout.
const releaseCopyTimeout = 3 * time.Second

// checkpoints returns the state of package checkpoint, which only messages whose handlers ask for it have.
func (a *attempt) checkpoints() *checkpoint.State {
	if s := a.checkpoint.Load(); s != nil {
		return s
	}
	if a.checkpoint.CompareAndSwap(nil, checkpoint.NewState(a.loaded())) && a.recording != nil {
		a.recording.watch(a)
	}
	return a.checkpoint.Load()
}

// loaded returns the checkpoint with which the attempt began: the one that a stopping consumer
// has recorded, or that the message has in its headers.
func (a *attempt) loaded() string {
	return cmp.Or(string(a.stops.Checkpoint), a.Message.Headers.String(record.HeaderCheckpoint))
}

// saved returns the checkpoint for the copy of the message: of this attempt, or of one before.
func (a *attempt) saved() string {
	if s := a.checkpoint.Load(); s != nil {
		return s.Value()
	}
	return a.loaded()
}

// progress returns the part of the work that the handler says is done.
func (a *attempt) progress() float64 {
	if s := a.checkpoint.Load(); s != nil {
		return s.Progress()
	}
	return 0
}

// keepsCheckpoint reports whether a message that is released has a checkpoint that the message in
// the queue lacks. A copy with it then replaces the message. With a single active consumer
// the message keeps its place instead, and the checkpoint is recorded: see stops.
func (q *Subscription) keepsCheckpoint(a *attempt) bool {
	select {
	case <-a.tag.Lost():
		return false
	default:
	}
	return a.saved() != a.Message.Headers.String(record.HeaderCheckpoint) && !q.config.SingleActive && !q.isStream() && !q.holdsRetries()
}

// releaseCopy publishes a copy of the message, with its checkpoint, to the end of the queue, and
// acknowledges the message. If the copy is not confirmed, the message is requeued without it.
func (q *Subscription) releaseCopy(a *attempt, out Outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.tag.Context()), releaseCopyTimeout)
	defer cancel()
	if err := q.worker.connections.sender.Send(ctx, "", q.config.Name, q.copyOf(a, out)); err != nil {
		q.worker.emit(HandOffFailed{Queue: q.config.Name, Message: &a.Message, Outcome: out, Err: err, Span: a.span})
		return a.tag.Release()
	}
	return a.tag.Ack()
}
