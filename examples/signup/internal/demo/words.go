package demo

import (
	"strings"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// task is what a worker does about a message, as its journey tells it.
type task struct{ doing, done, failed string }

// tasks are those of the queues, by the name before any prefix.
var tasks = map[string]task{
	app.WelcomeQueue:      {"sending the welcome mail", "sent the welcome mail", "could not send the welcome mail"},
	app.VerificationQueue: {"sending the mail to confirm the address", "sent the mail to confirm the address", "could not send the mail to confirm the address"},
	app.AnalyticsQueue:    {"counting the sign-up", "counted the sign-up", "could not count the sign-up"},
	app.BillingQueue:      {"beginning the trial", "began the trial", "could not begin the trial"},
}

func taskOf(prefix string, m *message.Message) task {
	switch m.RoutingKey {
	case event.PasswordResetKey:
		return task{"sending the link for a new password", "sent the link for a new password", "could not send the link for a new password"}
	case event.SignUpKnownKey:
		return task{"telling the owner of the address", "told the owner of the address", "could not tell the owner of the address"}
	}
	return tasks[strings.TrimPrefix(m.Queue, prefix)]
}

// step is the outcome as a step of the message's journey.
func (w *watch) step(e worker.Settled, now time.Time) live.Step {
	s := live.Step{At: now, Where: e.Queue, Attempt: e.Message.Attempt, Took: e.Took}
	if e.Outcome.Err != nil {
		s.Detail = e.Outcome.Err.Error()
	}
	s.What, s.State = become(taskOf(w.prefix, e.Message), e)
	return s
}

// become says what became of the task, and what comes next.
func become(t task, e worker.Settled) (string, live.State) {
	again := live.Duration(e.Outcome.Delay.Round(100 * time.Millisecond))
	if e.SettleErr != nil {
		return "lost the connection before the broker knew of it: the message comes again", live.Waiting
	}
	switch e.Outcome.Verdict {
	case worker.Retry:
		if _, busy := retry.SnoozeDelay(e.Outcome.Err); busy {
			return "another worker has it in hand; looks again in " + again, live.Retrying
		}
		return t.failed + "; tries again in " + again, live.Retrying
	case worker.DeadLetter:
		return t.failed + ", and gave up: it is a dead letter now", live.Dead
	case worker.Release:
		return "gave the message back to the queue", live.Waiting
	default:
		return t.done, live.Done
	}
}

// some writes a number of things as the pages do.
func some(n int, one string) string {
	switch {
	case n == 1:
		return "1 " + one
	case one == "person":
		one = "people"
	default:
		one += "s"
	}
	return live.Count(n) + " " + one
}
