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

// task holds the phrases for what a worker does with a message, as a journey shows them.
type task struct{ doing, done, failed string }

// tasks holds the task of each queue, by its name without the prefix.
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
		return task{"sending a notice to the owner of the address", "sent a notice to the owner of the address", "could not send a notice to the owner of the address"}
	}
	return tasks[strings.TrimPrefix(m.Queue, prefix)]
}

// step returns the outcome as a step of the message's journey.
func (w *watch) step(e worker.Settled, now time.Time) live.Step {
	s := live.Step{At: now, Where: e.Queue, Attempt: e.Message.Attempt, Took: e.Took}
	if e.Outcome.Err != nil {
		s.Detail = e.Outcome.Err.Error()
	}
	s.What, s.State = become(taskOf(w.prefix, e.Message), e)
	return s
}

// become returns a phrase for the outcome of the task, and the state of the branch.
func become(t task, e worker.Settled) (string, live.State) {
	again := live.Duration(e.Outcome.Delay.Round(100 * time.Millisecond))
	if e.SettleErr != nil {
		return "lost the connection before the acknowledgement: the broker delivers the message again", live.Waiting
	}
	switch e.Outcome.Verdict {
	case worker.Retry:
		if _, busy := retry.SnoozeDelay(e.Outcome.Err); busy {
			return "another worker is handling it; tries again in " + again, live.Retrying
		}
		return t.failed + "; tries again in " + again, live.Retrying
	case worker.DeadLetter:
		return t.failed + "; the message is now a dead letter", live.Dead
	case worker.Release:
		return "requeued the message", live.Waiting
	default:
		return t.done, live.Done
	}
}

// some returns a count with its noun, such as "1 person" or "1,200 mails".
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
