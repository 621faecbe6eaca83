package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/inspect"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// here is the broker of the tests.
func here(t *testing.T) amqp.Config {
	t.Helper()
	return amqp.Config{URL: rabbit.URL(t), Dial: rabbit.Dial}
}

// filler publishes to queues; it is closed at the end of the test.
func filler(t *testing.T) *broker.Publisher {
	t.Helper()
	p := broker.NewPublisher(broker.Config(here(t)), "")
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// deadLetters declares a queue as dead-letter queues are declared, with n messages
// whose bodies are their numbers.
func deadLetters(t *testing.T, n int) (queue string, ch *amqp091.Channel) {
	t.Helper()
	ch = rabbit.Channel(t, rabbit.URL(t))
	q := topology.WorkQueue{Name: rabbit.Queue(t)}.Topology().Queues[0]
	if _, err := ch.QueueDeclare(q.Name, true, false, false, false, amqp091.Table(q.Arguments)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := rabbit.Channel(t, rabbit.URL(t)).QueueDelete(q.Name, false, false, false); err != nil {
			t.Error(err)
		}
	})
	items := make([]broker.Item, n)
	for i := range items {
		items[i] = broker.Item{Key: q.Name, Body: []byte(strconv.Itoa(i))}
	}
	if err := filler(t).PublishBatch(t.Context(), items...); err != nil {
		t.Fatal(err)
	}
	return q.Name, ch
}

func open(t *testing.T, queue string) *inspect.Inspection {
	t.Helper()
	i, err := inspect.Open(t.Context(), here(t), queue)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// look takes n messages and returns their bodies.
func look(t *testing.T, i *inspect.Inspection, n int) (bodies []string) {
	t.Helper()
	err := i.Take(t.Context(), n, func(h *inspect.Held) (bool, error) {
		var m message.Message
		h.Fill(&m)
		bodies = append(bodies, string(m.Body))
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bodies
}

func closed(t *testing.T, i *inspect.Inspection) {
	t.Helper()
	if err := i.Close(); err != nil {
		t.Error(err)
	}
}

func numbers(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = strconv.Itoa(i)
	}
	return all
}

func isOdd(number string) bool { return strings.ContainsAny(number[len(number)-1:], "13579") }

// TestLookingKeepsTheOrder looks at all of a queue, at a part of it, and at less.
func TestLookingKeepsTheOrder(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const n = 2000
		queue, ch := deadLetters(t, n)
		for _, part := range []int{n, 700, 3, math.MaxInt} {
			i := open(t, queue)
			got := look(t, i, part)
			if want := numbers(min(part, n)); !slices.Equal(got, want) {
				t.Errorf("looked at %d messages in another order than they were published, or not at %d", len(got), len(want))
			}
			closed(t, i)
			if depth := rabbit.Depth(t, ch, queue); depth != n {
				t.Errorf("%d messages as soon as the look is over, want %d", depth, n)
			}
		}
	})
}

// orderAtMost is how many messages a look takes beyond its own to keep the order.
const orderAtMost = 2048

// TestLookAtAPartOfManyCostsLittle looks at 20 of 5,000 messages that were looked at
// before: what it takes goes behind the others, until all are looked at.
func TestLookAtAPartOfManyCostsLittle(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const n, part, took = 5000, 20, 20 + orderAtMost
		queue, ch := deadLetters(t, n)
		all := numbers(n)
		first, second, turned := all[:part], all[took:took+part], slices.Concat(all[2*took:], all[:2*took])
		for _, want := range [][]string{all, first, second, turned, all, first, second} {
			i := open(t, queue)
			if got := look(t, i, len(want)); !slices.Equal(got, want) {
				t.Errorf("looked at %d messages from %s on, want %d from %s on in their order", len(got), got[0], len(want), want[0])
			}
			closed(t, i)
			if depth := rabbit.Depth(t, ch, queue); depth != n {
				t.Errorf("then there are %d messages, want %d", depth, n)
			}
		}
	})
}

// TestATurnedQueueTakesMore adds messages behind those that are out of their order.
func TestATurnedQueueTakesMore(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const n, part, took, more = 3000, 20, 20 + orderAtMost, 30
		queue, _ := deadLetters(t, n)
		all := numbers(n + more)
		lookAt := func(size int, want ...[]string) {
			t.Helper()
			i := open(t, queue)
			defer closed(t, i)
			if got := look(t, i, size); !slices.Equal(got, slices.Concat(want...)) {
				t.Errorf("looked at %d messages from %s on in the wrong order", len(got), got[0])
			}
		}
		lookAt(n, all[:n])
		lookAt(part, all[:part])
		for _, body := range all[n:] {
			if err := filler(t).Publish(t.Context(), queue, []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
		lookAt(n+more, all[took:n], all[:took], all[n:])
		lookAt(n+more, all)
	})
}

func TestKeepOrderPutsThePartsInOrder(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const n, part = 3000, 20
		queue, _ := deadLetters(t, n)
		for _, size := range []int{n, part} {
			i := open(t, queue)
			look(t, i, size)
			closed(t, i)
		}
		i := open(t, queue)
		defer closed(t, i)
		if err := i.KeepOrder(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got := look(t, i, part); !slices.Equal(got, numbers(part)) {
				t.Errorf("got %v, want the first %d", got, part)
			}
			if err := i.GiveBack(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestMessagesAreGivenBackInTheMiddle(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		queue, _ := deadLetters(t, 100)
		i := open(t, queue)
		defer closed(t, i)
		for range 2 {
			if got := look(t, i, 50); !slices.Equal(got, numbers(50)) {
				t.Errorf("got %v, want the first 50", got)
			}
			if err := i.GiveBack(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestOneInspectionAtATime(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		queue, _ := deadLetters(t, 1)
		first := open(t, queue)
		_, err := inspect.Open(t.Context(), here(t), queue)
		who := fmt.Sprintf("%s, by .*\\(process %d\\) since %s", queue, os.Getpid(), time.Now().UTC().Format("2006-01-02T"))
		if !errors.Is(err, inspect.ErrInspected) || !regexp.MustCompile(who).MatchString(err.Error()) {
			t.Errorf("the second inspection gets %v, want ErrInspected and %s", err, who)
		}
		closed(t, first)
		closed(t, open(t, queue)) // at once
	})
}

func TestInspectionOfNoQueue(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		name := rabbit.Queue(t) + strings.Repeat("x", 150)
		if _, err := inspect.Open(t.Context(), here(t), name); !errors.Is(err, amqp.ErrNoQueue) {
			t.Errorf("got %v, want ErrNoQueue", err)
		}
	})
}

// TestLostInspectionRemovesNothing ends the connection while all is held.
func TestLostInspectionRemovesNothing(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const n = 300
		queue, ch := deadLetters(t, n)
		i := open(t, queue)
		look(t, i, n)
		if depth := rabbit.Depth(t, ch, queue); depth != 0 {
			t.Errorf("%d messages are ready while all are held", depth)
		}
		if err := i.Session().Close(); err != nil {
			t.Fatal(err)
		}
		rabbit.Eventually(t, 4*time.Second, func() bool { return rabbit.Depth(t, ch, queue) == n }, "all are back")
		if err := i.Close(); err != nil {
			t.Errorf("Close returned %v after the connection was lost", err)
		}
	})
}

func TestAckedMessagesAreGoneAndOthersStay(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const n = 2000
		queue, _ := deadLetters(t, n)
		i := open(t, queue)
		err := i.Take(t.Context(), n, func(h *inspect.Held) (bool, error) {
			var m message.Message
			if h.Fill(&m); isOdd(string(m.Body)) {
				return true, h.Ack()
			}
			return true, nil
		})
		if err != nil {
			t.Error(err)
		}
		closed(t, i)
		i = open(t, queue)
		defer closed(t, i)
		want := slices.DeleteFunc(numbers(n), isOdd)
		got := look(t, i, n)
		if !slices.Equal(got, want) {
			t.Errorf("%d messages stay, want %d: %v", len(got), len(want), got)
		}
	})
}

func TestTakeGoesOnWhereItEnded(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const n = 300
		queue, _ := deadLetters(t, n)
		i := open(t, queue)
		defer closed(t, i)
		var got []string
		for range n / 30 {
			err := i.Take(t.Context(), 30, func(h *inspect.Held) (bool, error) {
				var m message.Message
				h.Fill(&m)
				got = append(got, string(m.Body))
				return true, h.Ack()
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(got, numbers(n)) {
			t.Errorf("took %d messages in parts: %v", len(got), got)
		}
	})
}

func TestDoneContextEndsTheLook(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const n = 100
		queue, _ := deadLetters(t, n)
		i := open(t, queue)
		ctx, cancel := context.WithCancelCause(t.Context())
		enough, seen := errors.New("enough"), 0
		err := i.Take(ctx, n, func(*inspect.Held) (bool, error) {
			if seen++; seen == 10 {
				cancel(enough)
			}
			return true, nil
		})
		if !errors.Is(err, enough) || seen != 10 {
			t.Errorf("Take returned %v after %d messages, want the context's cause after 10", err, seen)
		}
		closed(t, i)
		i = open(t, queue)
		defer closed(t, i)
		if got := look(t, i, n); !slices.Equal(got, numbers(n)) {
			t.Errorf("then there are %d messages, want %d in their order", len(got), n)
		}
	})
}

func TestDeletedQueueEndsTheLook(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		queue, _ := deadLetters(t, 1)
		i := open(t, queue)
		err := i.Take(t.Context(), 10, func(*inspect.Held) (bool, error) {
			_, err := rabbit.Channel(t, rabbit.URL(t)).QueueDelete(queue, false, false, false)
			return true, err
		})
		if err == nil {
			t.Error("Take returned nil for a queue that was deleted")
		}
		if err := i.Close(); err != nil {
			t.Logf("Close says: %v", err)
		}
	})
}

func TestPurgeAndState(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		queue, _ := deadLetters(t, 5)
		i := open(t, queue)
		defer closed(t, i)
		if s, err := i.State(); err != nil || s.Messages != 5 || s.Consumers != 0 {
			t.Errorf("state is %+v, %v; want 5 messages", s, err)
		}
		if n, err := i.Purge(); err != nil || n != 5 {
			t.Errorf("purged %d, %v; want 5", n, err)
		}
		if got := look(t, i, 1); len(got) != 0 {
			t.Errorf("then there is %v, want nothing", got)
		}
		if _, err := i.Session().State(t.Context(), queue+"-missing"); !errors.Is(err, amqp.ErrNoQueue) {
			t.Errorf("got %v, want ErrNoQueue", err)
		}
	})
}
