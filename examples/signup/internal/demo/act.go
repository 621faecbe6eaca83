package demo

import (
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
)

// slow is how long a mail takes after the button for a slow mail server.
const slow = 2 * time.Second

// Do runs the action of a button. It implements live.Demo.
func (d *Demo) Do(ctx context.Context, a live.Action) (said string, err error) {
	switch a.Verb {
	case live.SignUp:
		return d.crowd(live.PostSignUp, a.Count)
	case live.SignUpSync:
		return d.crowd(live.PostSignUpSync, a.Count)
	case live.FloodAndReset:
		return d.floodAndReset(a.Count)
	case live.KillConnection:
		return d.cutConnections(), nil
	case live.Scale:
		return d.scale(a.Queue, a.Concurrency)
	case live.Replay:
		return d.replay(a.Queue)
	case live.Cancel:
		d.job.stop()
		return "Stopped the running action.", nil
	case live.Play:
		return d.play(a.Chapter)
	default:
		return d.mailAction(a)
	}
}

func (d *Demo) mailAction(a live.Action) (string, error) {
	if d.elsewhere != "" {
		return "", fmt.Errorf("the mail server is %s: %q works only on the built-in mail server, which runs without SMTP_URL", d.elsewhere, a.Verb)
	}
	switch a.Verb {
	case live.FixMail:
		return "The mail server works again.", d.catcher.Fix()
	case live.SlowMail:
		d.catcher.Slow(slow)
		return fmt.Sprintf("The mail server takes %s per mail.", live.Duration(slow)), d.catcher.Resume()
	case live.StopMail:
		return "The mail server refuses connections.", d.catcher.Stop()
	case live.Bounce:
		address, err := mail.ParseAddress(a.Address)
		if err != nil {
			return "", fmt.Errorf("%.60q is not an e-mail address", a.Address)
		}
		d.catcher.Bounce(address.Address)
		return "Mails to " + address.Address + " bounce.", nil
	default:
		return "", fmt.Errorf("unknown action %q", a.Verb)
	}
}

func (d *Demo) scale(queue string, n int) (string, error) {
	s := d.app.Subscription(strings.TrimPrefix(queue, d.prefix))
	if s == nil || n < 1 {
		return "", fmt.Errorf("cannot set queue %q to %d workers", queue, n)
	}
	s.SetConcurrency(n)
	return fmt.Sprintf("%s has %s.", queue, some(n, "worker")), nil
}

// replay sends the dead letters of a queue back to it, or of all queues if queue is empty.
func (d *Demo) replay(queue string) (string, error) {
	queues := d.queues()
	if queue != "" {
		if !slices.Contains(queues, queue) {
			return "", fmt.Errorf("no queue %q to replay", queue)
		}
		queues = []string{queue}
	}
	const doing = "Replaying the dead letters."
	return doing, d.job.begin(doing, func(ctx context.Context) string {
		done, err := d.replayAll(ctx, queues)
		if err != nil {
			return d.cut(ctx, "Replayed "+some(done, "dead letter"), err)
		}
		return "Replayed " + some(done, "dead letter") + "."
	})
}

// replayAll replays the dead letters of the queues, and returns how many it replayed.
func (d *Demo) replayAll(ctx context.Context, queues []string) (done int, err error) {
	for _, q := range queues {
		n, err := d.replayQueue(ctx, q)
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}
