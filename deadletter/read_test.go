package deadletter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/inspect"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// TestInspectingKeepsMessagesAndTheirOrder calls every method that reads.
func TestInspectingKeepsMessagesAndTheirOrder(t *testing.T) {
	t.Parallel()
	const n = 100
	b := newBench(t)
	b.failed(n)
	ctx, one := t.Context(), deadletter.Filter{Limit: 1}
	looks := map[string]func() error{
		"list":   func() error { _, err := b.client.List(ctx, b.dlq); return err },
		"oldest": func() error { _, err := b.client.Oldest(ctx, b.dlq); return err },
		"groups": func() error { _, err := b.client.Groups(ctx, b.dlq, one); return err },
		"find":   func() error { _, err := b.client.Find(ctx, b.dlq, "letter-70"); return err },
		"export": func() error { _, err := b.client.Export(ctx, b.dlq, one, &bytes.Buffer{}); return err },
		"dry run": func() error {
			r, err := b.client.Replay(ctx, b.dlq, deadletter.Replay{DryRun: true, Canary: 2})
			if r != (deadletter.Result{Total: n, Done: n}) {
				t.Errorf("the dry run found %+v", r)
			}
			return err
		},
		"a look that fails": func() error {
			failure := errors.New("enough")
			err := b.client.Read(ctx, b.dlq, one, func(deadletter.DeadLetter) error { return failure })
			if errors.Is(err, failure) {
				return nil
			}
			return fmt.Errorf("Read returned %w, want the error of its function", err)
		},
	}
	for name, look := range looks {
		for range 2 {
			if err := look(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := ids(b.read()); !slices.Equal(got, idsTo(n)) {
			t.Errorf("after %s there are %d dead letters: %v", name, len(got), got)
		}
	}
	if left := b.depth(b.queue.Name); left != 0 {
		t.Errorf("%d messages in the work queue", left)
	}
}

func TestSecondInspectionIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(1)
	looked := false
	err := b.client.Read(t.Context(), b.dlq, deadletter.Filter{}, func(deadletter.DeadLetter) error {
		looked = true
		if _, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{}); !errors.Is(err, inspect.ErrInspected) {
			t.Errorf("the second one gets %v, want ErrInspected", err)
		}
		return nil
	})
	if err != nil || !looked {
		t.Errorf("Read returned %v; looked: %v", err, looked)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	b, empty := newBench(t), newBench(t)
	began := time.Now()
	b.failed(3)
	list, err := b.client.List(t.Context(), b.dlq, "no-such.dlq", empty.dlq)
	if err != nil || len(list) != 3 {
		t.Fatalf("listed %+v, %v", list, err)
	}
	if q := list[0]; q.Name != b.dlq || q.WorkQueue != b.queue.Name || q.Messages != 3 || q.Err != nil || q.Consumers != 0 {
		t.Errorf("the first is %+v", q)
	}
	if q := list[1]; !errors.Is(q.Err, amqp.ErrNoQueue) || q.WorkQueue != "no-such" {
		t.Errorf("the second is %+v, want ErrNoQueue", q)
	}
	if q := list[2]; q.Err != nil || q.Messages != 0 {
		t.Errorf("the third is %+v, want an empty one", q)
	}
	if oldest, err := b.client.Oldest(t.Context(), b.dlq); err != nil || oldest.Before(began) || oldest.After(time.Now()) {
		t.Errorf("the oldest is of %v, %v", oldest, err)
	}
	if oldest, err := b.client.Oldest(t.Context(), empty.dlq); err != nil || !oldest.IsZero() {
		t.Errorf("the oldest of none is of %v, %v", oldest, err)
	}
}

// TestListTakesNoLock lists a queue while another client reads it.
func TestListTakesNoLock(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(2)
	i, err := inspect.Open(t.Context(), amqp.Config(b.cfg), b.dlq)
	if err != nil {
		t.Fatal(err)
	}
	list, err := b.client.List(t.Context(), b.dlq)
	if err := errors.Join(err, i.Close()); err != nil || len(list) != 1 || list[0].Messages != 2 || list[0].Err != nil {
		t.Errorf("listed %+v, %v; want 2 dead letters", list, err)
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fail(7, func(_ context.Context, m *message.Message) error {
		if m.RoutingKey == "order.paid" {
			return retry.Permanent(fmt.Errorf("order %s is unknown", m.ID))
		}
		return errors.New("timeout")
	}, func(i int) broker.Item {
		item := numbered(i)
		item.Key = []string{"user.signed_up", "order.paid", "user.deleted"}[i%3]
		return item
	})
	groups, err := b.client.Groups(t.Context(), b.dlq, deadletter.Filter{})
	if err != nil || len(groups) != 2 {
		t.Fatalf("got %+v, %v; want two groups", groups, err)
	}
	large, small := groups[0], groups[1]
	slices.Sort(large.Keys)
	if large.Count != 5 || large.Error != "timeout" || large.Reason != message.ReasonError || !slices.Equal(large.Keys, []string{"user.deleted", "user.signed_up"}) {
		t.Errorf("the large group is %+v", large)
	}
	if small.Count != 2 || small.Reason != message.ReasonPermanent || small.Last.Before(small.First) || small.First.IsZero() {
		t.Errorf("the small group is %+v", small)
	}
	l, err := b.client.Find(t.Context(), b.dlq, small.Example)
	if err != nil || l.Fingerprint != small.Fingerprint || l.Error != small.Error {
		t.Errorf("its example is %+v, %v", l, err)
	}
	if _, err := b.client.Find(t.Context(), b.dlq, "none"); !errors.Is(err, deadletter.ErrNotFound) {
		t.Errorf("found %v, want ErrNotFound", err)
	}
}
