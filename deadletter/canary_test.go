package deadletter_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// slowRetries are longer than any wait of these tests.
func slowRetries(q *worker.Queue) {
	q.Retry = retry.Policy{MaxAttempts: 5, InitialInterval: 10 * time.Minute, RandomizationFactor: -1}
}

func canaryFails(_ context.Context, m *message.Message) error {
	return errors.New("card " + m.ID + " was declined")
}

// TestCanary replays twelve dead letters, three of them as canaries.
func TestCanary(t *testing.T) {
	t.Parallel()
	const n, all, some = 12, 2 * patience, 3 * time.Second
	handled := func(context.Context, *message.Message) error { return nil }
	tests := []struct {
		name   string
		worker func(context.Context, *message.Message) error
		wait   time.Duration // all of it is longer than the test may take
		want   deadletter.Result
		err    string
	}{
		{"that is handled lets the others follow at once", handled, all, deadletter.Result{Total: n, Done: n}, ""},
		{"that is discarded lets the others follow at once", func(context.Context, *message.Message) error {
			return retry.Discard(errors.New("not wanted"))
		}, all, deadletter.Result{Total: n, Done: n}, ""},
		{"that is dead-lettered keeps the others here", broken, all, deadletter.Result{Total: n, Done: 3}, ": permanent: card letter-"},
		{"whose retries last longer than the wait keeps the others here", canaryFails, some, deadletter.Result{Total: n, Done: 3}, ": error: card letter-"},
		{"of which one fails keeps the others here", func(ctx context.Context, m *message.Message) error {
			if m.ID == "letter-1" {
				return canaryFails(ctx, m)
			}
			return nil
		}, all, deadletter.Result{Total: n, Done: 3}, "letter-1 in "},
		{"whose handler panics keeps the others here", func(context.Context, *message.Message) error { panic("oh") }, all, deadletter.Result{Total: n, Done: 3}, ": panic: "},
		{"that has no consumer keeps the others here", nil, some, deadletter.Result{Total: n, Done: 3}, "3 ready messages and 0 consumers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.failed(n)
			slowRetries(&b.queue)
			if tt.worker != nil {
				b.run(tt.worker)
			}
			began := time.Now()
			result, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{Canary: 3, CanaryWait: tt.wait})
			if result != tt.want || (err == nil) != (tt.err == "") || err != nil && (!errors.Is(err, deadletter.ErrCanary) || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("the result is %+v, %v; want %+v, %q", result, err, tt.want, tt.err)
			}
			if took := time.Since(began); tt.wait == all && took > patience {
				t.Errorf("it took %v although the canaries' fate was known", took)
			}
			left := ids(b.read())
			if want := idsTo(n)[result.Done:]; !slices.Equal(left[:min(len(left), len(want))], want) {
				t.Errorf("left are %v, want %v first", left, want)
			}
		})
	}
}

// TestCanaryThatIsSnoozedIsWaitedFor checks that a snooze does not count as an attempt.
func TestCanaryThatIsSnoozedIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(2)
	snoozed := make(chan struct{}, 1)
	b.run(func(ctx context.Context, m *message.Message) error {
		select {
		case snoozed <- struct{}{}:
			return retry.Snooze(100 * time.Millisecond)
		default:
			return broken(ctx, m)
		}
	})
	result, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{Canary: 1, CanaryWait: 2 * patience})
	if !errors.Is(err, deadletter.ErrCanary) || !strings.Contains(err.Error(), "card letter-0") || result.Done != 1 {
		t.Errorf("the result is %+v, %v; want the failure after the snooze", result, err)
	}
}

// TestCanaryInHand has handlers that take longer or shorter than CanaryWait.
func TestCanaryInHand(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(6)
	release := make(chan struct{})
	b.run(func(ctx context.Context, _ *message.Message) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	})
	result, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{Canary: 1, CanaryWait: 2 * time.Second})
	if !errors.Is(err, deadletter.ErrCanary) || !strings.Contains(err.Error(), "message letter-0 is still being handled") || result.Done != 1 {
		t.Errorf("the result is %+v, %v; want the canary to be in hand", result, err)
	}
	var states []string
	result, err = b.client.Replay(t.Context(), b.dlq, deadletter.Replay{Canary: 2, CanaryWait: 2 * patience, OnCanary: func(s deadletter.CanaryState) {
		states = append(states, s.String())
		if s.Begun == 2 {
			close(release)
		}
	}})
	if err != nil || result.Done != 5 {
		t.Errorf("the result is %+v, %v; want all five", result, err)
	}
	if first, last := "0 of 2 succeeded; waiting up to 2m0s", "2 of 2 succeeded"; len(states) < 3 || states[0] != first || states[len(states)-1] != last ||
		!slices.Contains(states, "0 of 2 succeeded, 2 being handled; waiting up to 2m0s") {
		t.Errorf("the states are %q, want %q first and %q last", states, first, last)
	}
}

// TestCanaryOfAConsumerWithoutReports has a program without Warren take the canaries.
func TestCanaryOfAConsumerWithoutReports(t *testing.T) {
	t.Parallel()
	consume := func(b *bench, f func(amqp.Delivery) error) {
		deliveries, err := rabbit.Channel(b.t, b.cfg.URL).Consume(b.queue.Name, "", false, false, false, false, nil)
		if err != nil {
			b.t.Fatal(err)
		}
		go func() {
			for d := range deliveries {
				_ = f(d) // the channel is closed when the test ends
			}
		}()
	}
	t.Run("passes after the wait if none is back", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.failed(4)
		consume(b, func(d amqp.Delivery) error { return d.Ack(false) })
		var last deadletter.CanaryState
		result, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{Canary: 2, CanaryWait: 2 * time.Second, OnCanary: func(s deadletter.CanaryState) { last = s }})
		if err != nil || result.Done != 4 {
			t.Errorf("the result is %+v, %v; want all", result, err)
		}
		if want := "0 of 2 succeeded; 2 without a report from a worker, and not dead-lettered again within 2s"; last.String() != want {
			t.Errorf("the last state is %q, want %q", last, want)
		}
	})
	t.Run("stops once one is back", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.failed(4)
		consume(b, func(d amqp.Delivery) error { return d.Reject(false) })
		began := time.Now()
		result, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{Canary: 2, CanaryWait: 2 * patience})
		if !errors.Is(err, deadletter.ErrCanary) || !strings.Contains(err.Error(), "of 2 canaries were dead-lettered again") || result.Done != 2 || time.Since(began) > patience {
			t.Errorf("the result is %+v, %v after %v; want ErrCanary before the wait is over", result, err, time.Since(began))
		}
	})
}

// TestCanaryIsCutShort cancels a replay while its canary waits in a queue without consumers.
func TestCanaryIsCutShort(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(4)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough, told := errors.New("enough"), false
	result, err := b.client.Replay(ctx, b.dlq, deadletter.Replay{Canary: 2, CanaryWait: 2 * patience, OnCanary: func(s deadletter.CanaryState) {
		if s.Idle != "" && !told {
			told = true
			if !strings.HasSuffix(s.String(), "; queue "+b.queue.Name+" has no consumers") {
				t.Errorf("the state is %q, want it to name the queue", s)
			}
			cancel(enough)
		}
	}})
	if !errors.Is(err, enough) || result.Done != 2 {
		t.Errorf("the result is %+v, %v; want two and the context's cause", result, err)
	}
	if left := ids(b.read()); !slices.Equal(left, idsTo(4)[2:]) || b.depth(b.queue.Name) != 2 {
		t.Errorf("left are %v, and %d in the work queue", left, b.depth(b.queue.Name))
	}
}
