package worker

import (
	"context"
	"log/slog"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/internal/telemetry"
)

// logEvent writes e as one line. What ends well is for debugging only.
func (w *Worker) logEvent(e Event) {
	switch e := e.(type) {
	case SessionUp:
		w.log.Info("worker: connected", "role", e.Role, "address", e.Address, "broker_version", e.Version)
	case ConnectFailed:
		w.log.Warn("worker: connect failed, trying again", "role", e.Role, "error", e.Err)
	case SessionDown:
		w.log.Warn("worker: connection lost", "role", e.Role, "error", e.Err)
	case StateChanged:
		w.logState(e)
	case ConsumerLost:
		w.log.Warn("worker: closing the consumer failed, the broker delivers its unacknowledged messages again", "queue", e.Queue, "error", e.Err)
	case HandOffFailed:
		w.log.ErrorContext(telemetry.Within(e.Span), "worker: copy not confirmed, trying again", "queue", e.Queue, "message_id", e.Message.ID,
			"outcome", e.Outcome.Verdict.String(), "error", e.Err)
	case DelayFailed:
		w.log.ErrorContext(telemetry.Within(e.Span), "worker: delayed message not taken, trying again", "queue", e.Queue, "message_id", e.MessageID,
			"exchange", e.Exchange, "routing_key", e.RoutingKey, "error", e.Err)
	case HandlerOverdue:
		w.log.ErrorContext(telemetry.Within(e.Span), "worker: handler overdue, it ignores its context", "queue", e.Queue, "message_id", e.MessageID,
			"routing_key", e.RoutingKey, "attempt", e.Attempt, "age", e.Age)
	case TopologyChanged:
		w.logTopology(e)
	case LimitFailed:
		w.log.Error("worker: limit not available, trying again", "limit", e.Limit, "error", e.Err)
	case Isolated:
		w.log.WarnContext(telemetry.Within(e.Span), "worker: message handled alone, earlier deliveries had no outcome", "queue", e.Queue, "message_id", e.MessageID,
			"routing_key", e.RoutingKey, "delivery_count", e.DeliveryCount)
	case ReplyFailed:
		w.log.WarnContext(telemetry.Within(e.Span), "worker: reply not sent", "queue", e.Queue, "message_id", e.Message.ID, "reply_to", e.Message.ReplyTo, "error", e.Err)
	case CanaryReported:
		w.logCanary(e)
	case Draining:
		w.log.Info("worker: draining", "cause", e.Cause)
	case Drained:
		w.logDrained(e)
	}
}

func (w *Worker) logState(e StateChanged) {
	if e.Err != nil {
		w.log.Warn("worker: queue "+e.State.String(), "queue", e.Queue, "error", e.Err)
		return
	}
	w.log.Info("worker: queue "+e.State.String(), "queue", e.Queue)
}

func (w *Worker) logTopology(e TopologyChanged) {
	if e.Trusted {
		w.log.Warn("worker: topology not verified, trusting that it exists", "error", e.Err)
		return
	}
	if e.Err != nil {
		w.log.Error("worker: topology refused, trying again", "queue", e.Queue, "error", e.Err)
		return
	}
	w.log.Info("worker: topology restored", "queue", e.Queue)
}

func (w *Worker) logCanary(e CanaryReported) {
	outcome := reportBegun
	if !e.Begun {
		outcome = e.Outcome.Verdict.String()
	}
	attrs := []any{"queue", e.Queue, "message_id", e.Message.ID, "outcome", outcome}
	if e.Err != nil {
		w.log.WarnContext(telemetry.Within(e.Span), "worker: report on a canary not sent", append(attrs, "error", e.Err)...)
		return
	}
	w.log.InfoContext(telemetry.Within(e.Span), "worker: canary reported", attrs...)
}

func (w *Worker) logDrained(e Drained) {
	if e.Err != nil {
		w.log.Error("worker: stopped", "error", e.Err)
		return
	}
	w.log.Info("worker: stopped")
}

// settledLevel is how much a verdict matters to an operator.
func settledLevel(v Verdict) slog.Level {
	switch v {
	case Retry:
		return slog.LevelWarn
	case DeadLetter:
		return slog.LevelError
	case Discard:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}

func (w *Worker) logSettled(e Settled) {
	level := settledLevel(e.Outcome.Verdict)
	if !w.log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("queue", e.Queue), slog.String("handler", e.Handler),
		slog.String("message_id", e.Message.ID), slog.String("routing_key", e.Message.RoutingKey),
		slog.Int("attempt", e.Message.Attempt), slog.Duration("took", e.Took),
	}
	if e.Outcome.Reason != "" {
		attrs = append(attrs, slog.String("reason", e.Outcome.Reason))
	}
	if e.Outcome.Verdict == Retry {
		attrs = append(attrs, slog.Duration("delay", e.Outcome.Delay))
	}
	if e.Outcome.Err != nil {
		attrs = append(attrs, slog.String("error", record.Clip(e.Outcome.Err.Error(), record.MaxErrorText)))
	}
	if e.SettleErr != nil {
		attrs = append(attrs, slog.String("settle_error", e.SettleErr.Error()))
	}
	w.log.LogAttrs(telemetry.Within(e.Span), level, "worker: message "+e.Outcome.Verdict.String(), attrs...)
}
