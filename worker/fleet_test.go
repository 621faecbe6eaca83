package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/fleet"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp"
	fleetwire "github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// operator listens to the fleet and controls it, over a connection of its own.
type operator struct {
	*bench
	listener   *fleetwire.Listener
	controller *fleetwire.Controller
}

func (b *bench) operate(url string) *operator {
	b.t.Helper()
	s, err := amqp.Dial(b.t.Context(), amqp.Config(broker.Config{URL: url, Dial: rabbit.Dial}), "operator")
	if err != nil {
		b.t.Fatal(err)
	}
	o := &operator{bench: b}
	if o.listener, err = fleetwire.Listen(b.t.Context(), s); err != nil {
		b.t.Fatal(err)
	}
	if o.controller, err = fleetwire.Control(b.t.Context(), s); err != nil {
		b.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- o.listener.Run(ctx) }()
	b.t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, o.controller.Close(), s.Close()); err != nil {
			b.t.Error(err)
		}
	})
	return o
}

// find returns the process that consumes the test's queue, if it has announced itself.
func (o *operator) find() (fleetwire.Seen, bool) {
	for _, s := range o.listener.Processes(time.Now()) {
		for _, q := range s.Queues {
			if q.Name == o.queue.Name {
				return s, true
			}
		}
	}
	return fleetwire.Seen{}, false
}

// sees waits until the process announces what cond wants.
func (o *operator) sees(what string, cond func(fleetwire.Seen, fleetwire.Queue) bool) fleetwire.Seen {
	o.t.Helper()
	var seen fleetwire.Seen
	o.eventually(what, func() bool {
		s, ok := o.find()
		if !ok {
			return false
		}
		seen = s
		for _, q := range s.Queues {
			if q.Name == o.queue.Name {
				return cond(s, q)
			}
		}
		return false
	})
	return seen
}

func (o *operator) anything() fleetwire.Seen {
	o.t.Helper()
	return o.sees("the process announces itself", func(fleetwire.Seen, fleetwire.Queue) bool { return true })
}

// send sends a command to the process and returns its answer.
func (o *operator) send(c fleetwire.Command) (*fleetwire.Answer, error) {
	o.t.Helper()
	to := o.anything()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	return o.controller.Send(ctx, to, c)
}

func (o *operator) must(c fleetwire.Command) *fleetwire.Answer {
	o.t.Helper()
	a, err := o.send(c)
	if err != nil {
		o.t.Fatalf("%s returned %v", c.Name, err)
	}
	return a
}

func inFleet(c *worker.Config) { c.Fleet = &fleet.Config{} }

func TestAWorkerAnnouncesItself(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Concurrency = 2
		o := b.operate(b.url)
		release := make(chan struct{})
		r := b.run(handler.Func(func(context.Context, *message.Message) error { <-release; return retry.Permanent(errBoom) }), inFleet)
		b.publish("key", 1, broker.WithMessageID("first"))
		s := o.sees("a message in hand", func(s fleetwire.Seen, q fleetwire.Queue) bool { return len(s.InHand) == 1 && q.InHand == 1 })
		if m := s.InHand[0]; m.ID != "first" || m.Key != "key" || m.Handler != "#" || m.Attempt != 1 || m.Queue != b.queue.Name || m.AgeMS < 0 {
			t.Errorf("in hand is %+v", m)
		}
		if q := s.Queues[0]; q.State != "consuming" || q.Concurrency != 2 || q.Prefetch != 4 || !s.Ready || s.Process.PID == 0 || s.Process.Host == "" || s.User == "" {
			t.Errorf("the announcement is %+v", s.Announcement)
		}
		close(release)
		s = o.sees("the error", func(s fleetwire.Seen, _ fleetwire.Queue) bool { return s.LastError != nil && len(s.InHand) == 0 })
		if f := s.LastError; f.ID != "first" || !strings.Contains(f.Error, errBoom.Error()) {
			t.Errorf("the last error is %+v", f)
		}
		if err := r.finish(); err != nil {
			t.Error(err)
		}
		o.eventually("the process says goodbye", func() bool { _, ok := o.find(); return !ok })
	})
}

func TestAWorkerIsControlled(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		o := b.operate(b.url)
		level := new(slog.LevelVar)
		r := b.run(nothing, func(c *worker.Config) { c.Fleet = &fleet.Config{Level: level} })
		o.must(fleetwire.Command{Name: fleetwire.Pause, Queue: b.queue.Name})
		if state := r.sub.Health().State; state != worker.StatePaused {
			t.Errorf("the queue is %v, want paused", state)
		}
		o.sees("the pause", func(_ fleetwire.Seen, q fleetwire.Queue) bool { return q.State == "paused" })
		o.must(fleetwire.Command{Name: fleetwire.Resume, Queue: b.queue.Name})
		o.must(fleetwire.Command{Name: fleetwire.Scale, Queue: b.queue.Name, Concurrency: 7})
		o.sees("the concurrency", func(_ fleetwire.Seen, q fleetwire.Queue) bool { return q.State == "consuming" && q.Concurrency == 7 })
		o.must(fleetwire.Command{Name: fleetwire.LogLevel, Level: "debug"})
		if level.Level() != slog.LevelDebug {
			t.Errorf("the log level is %v, want debug", level.Level())
		}
		for _, c := range []fleetwire.Command{
			{Name: "explode"},
			{Name: fleetwire.Pause, Queue: "another"},
			{Name: fleetwire.Scale, Queue: b.queue.Name},
			{Name: fleetwire.LogLevel, Level: "loud"},
			{Name: fleetwire.Cancel, ID: "none", Verdict: fleetwire.VerdictRetry},
			{Name: fleetwire.Cancel, ID: "none", Verdict: "ack"},
			{Name: fleetwire.DelayList, Queue: "another"},
		} {
			refused := new(fleetwire.RefusedError)
			if _, err := o.send(c); !errors.As(err, &refused) {
				t.Errorf("%+v returned %v, want a RefusedError", c, err)
			}
		}
		o.must(fleetwire.Command{Name: fleetwire.Drain})
		if err := <-r.done; err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		close(r.done)
	})
}

// TestACommandIsAnnounced with the user that has sent it and its result.
func TestACommandIsAnnounced(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		o := b.operate(b.url)
		b.run(nothing, inFleet)
		user := o.anything().User
		o.must(fleetwire.Command{Name: fleetwire.Pause, Queue: b.queue.Name})
		var found *fleetwire.Executed
		o.eventually("the command is announced", func() bool {
			for _, s := range o.listener.Executed() {
				if s.Executed.Command.Queue == b.queue.Name {
					found = s.Executed
				}
			}
			return found != nil
		})
		if found.By != user || found.Command.Name != fleetwire.Pause || !strings.Contains(found.Result, "paused") || found.Error != "" {
			t.Errorf("announced %+v, want the pause by %s", found, user)
		}
	})
}

func TestAMessageInHandIsCancelled(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[string]worker.Verdict{fleetwire.VerdictRetry: worker.Retry, fleetwire.VerdictDeadLetter: worker.DeadLetter} {
		t.Run(verdict, func(t *testing.T) {
			rabbit.Test(t, func(t *testing.T) {
				b := newBench(t)
				o := b.operate(b.url)
				var cause atomic.Value
				b.run(handler.Func(func(ctx context.Context, m *message.Message) error {
					if m.Attempt > 1 {
						return nil
					}
					<-ctx.Done()
					cause.Store(context.Cause(ctx))
					return retry.Permanent(ctx.Err())
				}), inFleet)
				b.publish("key", 1, broker.WithMessageID("hanging"))
				o.sees("the message in hand", func(s fleetwire.Seen, _ fleetwire.Queue) bool { return len(s.InHand) == 1 })
				o.must(fleetwire.Command{Name: fleetwire.Cancel, ID: "hanging", Verdict: verdict})
				if got := b.verdicts(1)[0]; got != want {
					t.Errorf("the verdict is %v, want %v", got, want)
				}
				why, _ := cause.Load().(error)
				if user := o.anything().User; !errors.Is(why, fleet.ErrCancelled) || !strings.Contains(why.Error(), user) {
					t.Errorf("the cause is %v, want ErrCancelled by %s", why, user)
				}
				if out := b.settled()[0].Outcome; !errors.Is(out.Err, fleet.ErrCancelled) || !out.Spent {
					t.Errorf("the outcome is %+v, want an attempt that was cancelled", out)
				}
			})
		})
	}
}

func hangs(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestTheStackOfAHandlerIsShown(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		o := b.operate(b.url)
		b.run(handler.Func(func(ctx context.Context, _ *message.Message) error { return hangs(ctx) }), inFleet)
		b.publish("key", 1, broker.WithMessageID("hanging"))
		o.sees("the message in hand", func(s fleetwire.Seen, _ fleetwire.Queue) bool { return len(s.InHand) == 1 })
		for _, id := range []string{"hanging", ""} {
			a := o.must(fleetwire.Command{Name: fleetwire.Stacks, ID: id})
			if len(a.Stacks) != 1 || a.Stacks[0].ID != "hanging" || !strings.Contains(a.Stacks[0].Stack, "worker_test.hangs") {
				t.Errorf("the stacks are %+v, want the handler's", a.Stacks)
			}
		}
		o.must(fleetwire.Command{Name: fleetwire.Cancel, ID: "hanging", Verdict: fleetwire.VerdictDeadLetter})
		b.verdicts(1)
	})
}

func TestDelayedMessagesAreSeenAndChanged(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Retry = retry.Policy{MaxAttempts: 3, InitialInterval: 50 * time.Second, Multiplier: 1, RandomizationFactor: -1}
		o := b.operate(b.url)
		b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			if m.Attempt == 1 {
				return errBoom
			}
			return nil
		}), inFleet)
		for _, id := range []string{"one", "two", "three"} {
			b.publish("key", id, broker.WithMessageID(id))
		}
		b.verdicts(3)
		var page *fleetwire.Delays
		o.eventually("three messages wait", func() bool {
			page = o.must(fleetwire.Command{Name: fleetwire.DelayList, Queue: b.queue.Name, Limit: 2}).Delays
			return page.Held == 3
		})
		if m := page.Messages; len(m) != 2 || m[0].ID != "one" || m[0].Key != b.queue.Name || time.Until(m[0].Due) < 30*time.Second {
			t.Errorf("the page is %+v, want one and two", m)
		}
		if d := o.must(fleetwire.Command{Name: fleetwire.DelayShow, Queue: b.queue.Name, ID: "two"}).Delayed; string(d.Body) != `"two"` || d.Attempt != 2 {
			t.Errorf("the message is %+v, want two with its body", d)
		}
		o.must(fleetwire.Command{Name: fleetwire.DelayCancel, Queue: b.queue.Name, ID: "two"})
		o.must(fleetwire.Command{Name: fleetwire.DelayRun, Queue: b.queue.Name, ID: "three"})
		b.verdicts(4)
		if s := b.settled()[3]; s.Message.ID != "three" || s.Outcome.Verdict != worker.Ack {
			t.Errorf("settled %s with %v, want three with ack", s.Message.ID, s.Outcome.Verdict)
		}
		s := o.sees("the parking queue", func(s fleetwire.Seen, _ fleetwire.Queue) bool { return len(s.Parking) > 0 && s.Parking[0].Held == 1 })
		if next := time.Until(s.Parking[0].Next); next > time.Minute || next < 0 {
			t.Errorf("the next message is due in %v, want less than a minute", next)
		}
	})
}
