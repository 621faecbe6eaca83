package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// A replay may send a few dead letters ahead and wait for their outcomes: its
// canaries. Their header names the queue on which the replay waits. The worker publishes two
// reports there: when the first attempt begins, and when the message is settled. The message
// is not held up by its reports; a report that cannot be sent is dropped.
const (
	reportsAtOnce = 256              // more are dropped
	reportTimeout = 30 * time.Second // for one report
	reportGrace   = time.Second      // for the reports under way when the worker has drained
)

// reportBegun is the type of the first report. The type of the second is the verdict.
const reportBegun = "begun"

var errTooManyReports = errors.New("worker: too many reports on canaries are under way")

// reports are the reports that are under way.
type reports struct {
	wait  sync.WaitGroup
	slots chan struct{}
}

// canary returns the header of a canary in its first attempt, and "" for other messages.
func canary(m *message.Message) string {
	header := m.Headers.String(record.HeaderCanary)
	if _, ok := amqp.CanaryQueue(header); !ok || m.Attempt != 1 {
		return ""
	}
	return header
}

// reportBegin reports that the attempt a begins.
func (q *Subscription) reportBegin(a *attempt) {
	if a.canary != "" {
		q.sendReport(a, Outcome{}, &message.Message{Type: reportBegun})
	}
}

// reportSettled reports the outcome of the attempt a, unless the message will have its
// first attempt again.
func (q *Subscription) reportSettled(a *attempt, out Outcome, settleErr error) {
	if a.canary == "" || settleErr != nil || out.Verdict == Release || snoozed(out) {
		return
	}
	h := message.Headers{record.HeaderAttempt: int64(a.Message.Attempt), record.HeaderReason: out.Reason}
	if out.Err != nil {
		h[record.HeaderError] = record.Clip(out.Err.Error(), record.MaxErrorText)
	}
	q.sendReport(a, out, &message.Message{Type: out.Verdict.String(), Headers: h})
}

// snoozed reports whether the message comes again without an attempt having been spent.
func snoozed(out Outcome) bool { return out.Verdict == Retry && out.Reason == "" }

// sendReport sends m, the report on a, in the background.
func (q *Subscription) sendReport(a *attempt, out Outcome, m *message.Message) {
	w := q.worker
	if m.Headers == nil {
		m.Headers = make(message.Headers)
	}
	m.Headers[record.HeaderCanary], m.Headers[record.HeaderQueue] = a.canary, q.config.Name
	m.ID, m.Transient = a.Message.ID, true
	e := CanaryReported{Queue: q.config.Name, Message: &a.Message, Begun: m.Type == reportBegun, Outcome: out, Span: a.span}
	select {
	case w.reports.slots <- struct{}{}:
	default:
		e.Err = errTooManyReports
		w.emit(e)
		return
	}
	w.reports.wait.Go(func() {
		defer func() { <-w.reports.slots }()
		ctx, cancel := context.WithTimeout(w.reporting, reportTimeout)
		defer cancel()
		e.Err = w.connections.sender.Report(ctx, a.canary, m)
		w.emit(e)
	})
}

// finishReports waits up to 1 s for the reports under way, and then drops them.
func (w *Worker) finishReports() {
	timer := time.AfterFunc(reportGrace, w.stopReporting)
	defer timer.Stop()
	w.reports.wait.Wait()
}
