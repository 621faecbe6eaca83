package worker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// linear is a policy that RabbitMQ 4.3 keeps by itself.
var linear = retry.Policy{MaxAttempts: 4, InitialInterval: 200 * time.Millisecond, MaxInterval: 400 * time.Millisecond}

// nativeBench returns a bench whose queue has native delays, and false if the broker is older
// than 4.3. It has checked then that Run refuses the queue.
func nativeBench(t *testing.T) (*bench, bool) {
	t.Helper()
	b := newBench(t)
	b.queue.Delays, b.queue.Retry = topology.Native, linear
	version, _ := b.conn.Properties["version"].(string)
	if !strings.HasPrefix(version, "3.") && !strings.HasPrefix(version, "4.0") {
		return b, true
	}
	w := worker.New(worker.Config{Broker: broker.Config{URL: b.url, Dial: rabbit.Dial}})
	w.Queue(b.queue).Handle("#", handler.Func(func(context.Context, *message.Message) error { return nil }))
	if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "native delays need RabbitMQ 4.3 or later (got "+version+")") {
		t.Errorf("Run returned %v on RabbitMQ %s, want an error with both versions", err, version)
	}
	return b, false
}

// attempts returns a handler that sends what it gets to the channel and fails by fail.
func attempts(fail func(attempt int) error) (handler.Handler, <-chan nativeAttempt) {
	got := make(chan nativeAttempt, 16)
	return handler.Func(func(_ context.Context, m *message.Message) error {
		got <- nativeAttempt{*m, time.Now()}
		return fail(m.Attempt)
	}), got
}

type nativeAttempt struct {
	message.Message
	at time.Time
}

// TestNativeDelaysMakeNoCopy: the pauses grow by the first one up to the longest, the message
// has no record until its last attempt, and then a copy with a record is dead-lettered.
func TestNativeDelaysMakeNoCopy(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b, ok := nativeBench(t)
		if !ok {
			return
		}
		h, got := attempts(func(int) error { return errBoom })
		b.run(h)
		b.publish("key", "body", broker.WithMessageID("id-1"))
		var before time.Time
		for i, pause := range []time.Duration{0, 200 * time.Millisecond, 400 * time.Millisecond, 400 * time.Millisecond} {
			a := <-got
			if a.Attempt != i+1 || a.Headers.String(record.HeaderQueue) != "" {
				t.Errorf("attempt %d came as attempt %d with the headers %v, want no failure record", i+1, a.Attempt, a.Headers)
			}
			if i > 0 && a.at.Sub(before) < pause {
				t.Errorf("attempt %d came after %v, want %v or more", i+1, a.at.Sub(before), pause)
			}
			before = a.at
		}
		d := b.deadLetter()
		h4 := message.Headers(d.Headers)
		if n, _ := h4.Int(record.HeaderAttempt); n != 4 || d.MessageId != "id-1" || !strings.Contains(h4.String(record.HeaderError), errBoom.Error()) {
			t.Errorf("the dead letter is %q with %v, want id-1 with the record of attempt 4", d.MessageId, d.Headers)
		}
		want := []time.Duration{200 * time.Millisecond, 400 * time.Millisecond, 400 * time.Millisecond, 0}
		for i, s := range b.settled() {
			if s.Outcome.Delay != want[i] {
				t.Errorf("outcome %d has the delay %v, want %v", i+1, s.Outcome.Delay, want[i])
			}
		}
	})
}

// TestNativeDelaysLeaveAfterAndSnoozeToTheParkingQueue: the broker cannot keep a pause that an
// error asks for, so these are copies, and the attempts go on counting.
func TestNativeDelaysLeaveAfterAndSnoozeToTheParkingQueue(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b, ok := nativeBench(t)
		if !ok {
			return
		}
		snoozed := false
		h, got := attempts(func(attempt int) error {
			switch {
			case attempt == 2 && !snoozed:
				snoozed = true
				return retry.Snooze(100 * time.Millisecond)
			case attempt == 2:
				return retry.After(100*time.Millisecond, errBoom)
			case attempt == 4:
				return nil
			}
			return errBoom
		})
		b.run(h)
		b.publish("key", "body")
		for i, want := range []int{1, 2, 2, 3, 4} {
			if a := <-got; a.Attempt != want {
				t.Errorf("delivery %d is attempt %d, want %d", i+1, a.Attempt, want)
			}
		}
		b.eventually("the last is acked", func() bool { return len(b.settled()) == 5 })
	})
}

// TestALostDeliveryIsAnAttemptOfNativeDelays: the broker counts both as failures.
func TestALostDeliveryIsAnAttemptOfNativeDelays(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b, ok := nativeBench(t)
		if !ok {
			return
		}
		h, got := attempts(func(int) error { return nil })
		r := b.runWith(func(*worker.Worker) {}, map[string]handler.Handler{"#": h})
		r.sub.Pause()
		b.eventually("it does not consume", func() bool {
			q, err := b.channel.QueueDeclarePassive(b.queue.Name, true, false, false, false, nil)
			return err == nil && q.Consumers == 0
		})
		b.publish("key", "body")
		ch := rabbit.Channel(t, b.url)
		if _, ok, err := ch.Get(b.queue.Name, false); err != nil || !ok {
			t.Fatalf("get: %t, %v", ok, err)
		}
		if err := ch.Close(); err != nil {
			t.Fatal(err)
		}
		r.sub.Resume()
		if a := <-got; a.Attempt != 2 {
			t.Errorf("the message came as attempt %d, want 2", a.Attempt)
		}
	})
}

// TestNativeDelaysRefuseWhatTheBrokerCannotKeep names each field.
func TestNativeDelaysRefuseWhatTheBrokerCannotKeep(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*worker.Queue){
		"Retry.Multiplier is 2":            func(q *worker.Queue) { q.Retry.Multiplier = 2 },
		"Retry.RandomizationFactor is 0.2": func(q *worker.Queue) { q.Retry.RandomizationFactor = 0.2 },
		"Retry.MaxAttempts is -1":          func(q *worker.Queue) { q.Retry.MaxAttempts = -1 },
		"want whole milliseconds":          func(q *worker.Queue) { q.Retry.InitialInterval = time.Microsecond },
		"want Type quorum":                 func(q *worker.Queue) { q.Type = topology.Classic },
		`Delays is "slow"`:                 func(q *worker.Queue) { q.Delays = "slow" },
		"want neither HoldRetries":         func(q *worker.Queue) { q.HoldRetries = true },
		"nor OnlyArguments":                func(q *worker.Queue) { q.OnlyArguments = true },
		"nor PerProcess":                   func(q *worker.Queue) { q.PerProcess = true },
		"want no SingleActive":             func(q *worker.Queue) { q.SingleActive = true },
	} {
		q := worker.Queue{Name: "q", Delays: topology.Native}
		change(&q)
		w := worker.New(worker.Config{})
		w.Queue(q).Handle("#", handler.Func(func(context.Context, *message.Message) error { return nil }))
		if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run returned %v, want an error with %q", err, want)
		}
	}
}

// TestNativeDelaysAreArguments: the policy is part of the queue, so it cannot change while
// the worker runs.
func TestNativeDelaysAreArguments(t *testing.T) {
	t.Parallel()
	q := worker.Queue{Name: "q", Delays: topology.Native, Retry: linear}
	args := q.WorkQueue(nil).Topology().Queues[1].Arguments
	for name, want := range map[string]any{
		"x-delayed-retry-type": "failed", "x-delayed-retry-min": int64(200), "x-delayed-retry-max": int64(400), "x-delivery-limit": 24,
	} {
		if args[name] != want {
			t.Errorf("%s is %v, want %v", name, args[name], want)
		}
	}
	sub := worker.New(worker.Config{}).Queue(q)
	if err := sub.SetRetry(linear); err != nil {
		t.Errorf("SetRetry with the same policy returned %v", err)
	}
	if err := sub.SetRetry(quick); err == nil || !strings.Contains(err.Error(), "part of the queue's arguments") {
		t.Errorf("SetRetry returned %v, want an error", err)
	}
}

// TestNativeDelaysOfAQueueThatAnotherProgramDeclares: the worker declares nothing, and the broker
// keeps the pauses by the arguments that the queue has.
func TestNativeDelaysOfAQueueThatAnotherProgramDeclares(t *testing.T) {
	t.Parallel()
	for _, mode := range []topology.Mode{topology.Verify, topology.Trust} {
		rabbit.Run(t, string(mode), func(t *testing.T) {
			b, ok := nativeBench(t)
			if !ok {
				return
			}
			w := worker.New(worker.Config{})
			w.Queue(b.queue).Handle("#", nothing)
			if err := broker.Declare(t.Context(), broker.Config{URL: b.url, Dial: rabbit.Dial}, w.Topology()); err != nil {
				t.Fatal(err)
			}
			h, got := attempts(func(attempt int) error {
				if attempt < 3 {
					return errBoom
				}
				return retry.Permanent(errBoom)
			})
			r := b.run(h, func(c *worker.Config) { c.Broker.Topology = mode })
			b.publish("key", "body")
			first, second := <-got, <-got
			if pause := second.at.Sub(first.at); second.Attempt != 2 || pause < linear.InitialInterval || second.DeliveryCount != 1 {
				t.Errorf("attempt %d came after %v with the count %d, want attempt 2 after %v or more, by a reject", second.Attempt, pause, second.DeliveryCount, linear.InitialInterval)
			}
			b.deadLetter()
			if h := r.worker.Health(); !h.Ready || len(h.Warnings) > 0 {
				t.Errorf("the health is %+v, want ready without warnings", h)
			}
		})
	}
}

// TestNativeDelaysNeedNoParkingQueue: the worker may not use it, so a pause that the handler
// asks for is kept in the worker, and the broker keeps the other ones.
func TestNativeDelaysNeedNoParkingQueue(t *testing.T) {
	withNode(t, func(t *testing.T, node rabbit.Node) {
		p := newPermitted(t, node)
		p.queue.Delays, p.queue.Retry = topology.Native, linear
		version, _ := p.conn.Properties["version"].(string)
		if strings.HasPrefix(version, "3.") || strings.HasPrefix(version, "4.0") {
			return // refused: see nativeBench
		}
		p.revoke(func(u *rabbit.User) { u.Write = "^(" + p.queue.Name + ".*|warren[.].*)$" })
		h, got := attempts(func(attempt int) error {
			switch attempt {
			case 1:
				return errBoom
			case 2:
				return retry.After(100*time.Millisecond, errBoom)
			}
			return nil
		})
		p.run(h)
		p.publish("key", "body")
		for want := 1; want <= 3; want++ {
			if a := <-got; a.Attempt != want {
				t.Errorf("delivery %d is attempt %d, want %d", want, a.Attempt, want)
			}
		}
		p.eventually("the last is acked", func() bool { return len(p.settled()) == 3 })
		if n := p.depth(topology.ParkingQueue(p.queue.Name)); n > 0 {
			t.Errorf("%d messages were parked, want none", n)
		}
		p.losesNoConnection()
	})
}
