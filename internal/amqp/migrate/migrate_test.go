package migrate_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/migrate"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

// window is how many messages one interruption may double.
const window = 128

// messagesVariable sets the number of messages of TestAMigrationLosesNothing.
const messagesVariable = "MIGRATE_MESSAGES"

// TestAMigrationLosesNothing under 500 messages a second, although it is killed twice: each
// message is in the new queue, in the order in which it was published.
func TestAMigrationLosesNothing(t *testing.T) {
	rabbit.NeedsNetwork(t, "it kills processes")
	t.Parallel()
	messages, err := strconv.Atoi(cmp.Or(os.Getenv(messagesVariable), "2000"))
	if err != nil {
		t.Fatal(err)
	}
	s := newShop(t)
	s.fill(t, messages)
	stop := s.load(t, 500)
	began := time.Now()
	s.killed(t, messages/2)   // while the queue is drained
	s.killed(t, messages*5/6) // while the messages are moved back
	r, err := migrated(t.Context(), s.url, s.queue, nil)
	took := time.Since(began)
	stop()
	if err != nil {
		t.Fatal(err)
	}
	s.gone(t)
	s.isWanted(t)
	copies, late := s.audit(t)
	t.Logf("%d messages, %d of them published meanwhile, in %v with two kills: 0 lost, %d duplicates, %d out of order; the last run moved %d",
		s.next, s.next-messages, took.Round(time.Millisecond), copies, late, r.Moved)
	if copies > 2*window {
		t.Errorf("%d duplicates, want at most %d", copies, 2*window)
	}
}

// killed migrates the queue in another process and kills it after n moves.
func (s *shop) killed(t *testing.T, n int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), childVariable+"="+s.url, queueVariable+"="+s.queue), os.Stderr
	out, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range n {
		if !lines.Scan() {
			t.Fatal("the migration ended by itself")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
}

// TestAMigrationContinuesAtEveryStep: it is interrupted before each of its steps in turn, and
// then continued.
func TestAMigrationContinuesAtEveryStep(t *testing.T) {
	t.Parallel()
	var steps []string
	s := newShop(t)
	s.fill(t, 10)
	if _, err := migrated(t.Context(), s.url, s.queue, func(m *migrate.Migration) {
		m.OnStep = func(step string) error {
			steps = append(steps, step)
			return nil
		}
	}); err != nil {
		t.Fatal(err)
	}
	s.audit(t)
	for _, step := range steps {
		rabbit.Run(t, step, func(t *testing.T) {
			s := newShop(t)
			s.fill(t, 300)
			stop := s.load(t, 100)
			s.interrupted(t, step)
			_, err := migrated(t.Context(), s.url, s.queue, nil)
			stop()
			if err != nil {
				t.Fatal(err)
			}
			s.gone(t)
			s.isWanted(t)
			if copies, _ := s.audit(t); copies > window {
				t.Errorf("%d duplicates, want at most %d", copies, window)
			}
		})
	}
}

// TestAQueueThatIsLongerThanItsNewLimitIsRefused, before anything is changed.
func TestAQueueThatIsLongerThanItsNewLimitIsRefused(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.fill(t, 11)
		limited := func(m *migrate.Migration) { m.Queue.Arguments["x-max-length"] = 10 }
		_, err := migrated(t.Context(), s.url, s.queue, limited)
		if err == nil || !strings.Contains(err.Error(), "too many messages (got 11, want at most the new x-max-length of 10)") {
			t.Errorf("the migration returned %v, want both numbers", err)
		}
		s.gone(t)
		if copies, late := s.audit(t); copies+late > 0 {
			t.Errorf("%d duplicates and %d out of order, want the queue as it was", copies, late)
		}
	})
}

// TestAFullQueueInterruptsTheMigration: messages are published while the queue is replaced, more
// than it takes. Once consumers have made room, another run moves the rest.
func TestAFullQueueInterruptsTheMigration(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.fill(t, 10)
		limited := func(m *migrate.Migration) {
			m.Queue.Arguments = map[string]any{"x-queue-type": "classic", "x-max-length": 10, "x-overflow": "reject-publish"}
		}
		_, err := migrated(t.Context(), s.url, s.queue, func(m *migrate.Migration) {
			limited(m)
			m.OnStep = func(step string) error {
				if step == "declare" {
					s.fill(t, 5)
				}
				return nil
			}
		})
		if !errors.Is(err, amqp.ErrNacked) {
			t.Fatalf("the migration returned %v, want ErrNacked", err)
		}
		s.take(t, 10)
		if _, err := migrated(t.Context(), s.url, s.queue, limited); err != nil {
			t.Fatal(err)
		}
		s.gone(t)
		s.take(t, 5)
	})
}

var errInterrupted = errors.New("interrupted")

// interrupted starts a migration that ends before a step.
func (s *shop) interrupted(t *testing.T, at string) {
	t.Helper()
	_, err := migrated(t.Context(), s.url, s.queue, func(m *migrate.Migration) {
		m.OnStep = func(step string) error {
			if step == at {
				return errInterrupted
			}
			return nil
		}
	})
	if !errors.Is(err, errInterrupted) {
		t.Fatalf("the migration returned %v, want that it is interrupted", err)
	}
}

// TestAMigrationKeepsMessages with all properties, and removes only what the broker writes.
func TestAMigrationKeepsMessages(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	want := amqp091.Publishing{
		Headers:     amqp091.Table{"mine": "x", "n": int64(3), "BCC": []any{"elsewhere"}},
		ContentType: "text/plain", ContentEncoding: "identity", DeliveryMode: amqp091.Persistent, Priority: 4,
		CorrelationId: "c", ReplyTo: "r", Expiration: "3600000", MessageId: "id", Timestamp: time.Unix(1700000000, 0),
		Type: "t", UserId: "guest", AppId: "a", Body: []byte("body"),
	}
	if err := s.channel.PublishWithContext(t.Context(), s.queue+"-events", "user.old", true, false, want); err != nil {
		t.Fatal(err)
	}
	if _, err := migrated(t.Context(), s.url, s.queue, nil); err != nil {
		t.Fatal(err)
	}
	d, ok, err := s.channel.Get(s.queue, true)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	got := amqp091.Publishing{
		Headers: d.Headers, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: d.DeliveryMode, Priority: d.Priority,
		CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, Expiration: d.Expiration, MessageId: d.MessageId, Timestamp: d.Timestamp,
		Type: d.Type, UserId: d.UserId, AppId: d.AppId, Body: d.Body,
	}
	want.Headers = amqp091.Table{"mine": "x", "n": int64(3), "warren-exchange": s.queue + "-events", "warren-routing-key": "user.old"}
	delete(got.Headers, "x-delivery-count")
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w || d.RoutingKey != "user.old" {
		t.Errorf("got %s with the key %q, want %s", g, d.RoutingKey, w)
	}
}

// TestAMigrationRefuses what it cannot do without losing messages or their order.
func TestAMigrationRefuses(t *testing.T) {
	t.Parallel()
	rabbit.Run(t, "a queue that others consume", func(t *testing.T) {
		s := newShop(t)
		if _, err := s.channel.Consume(s.queue, "", false, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		_, err := migrated(t.Context(), s.url, s.queue, nil)
		if used, ok := errors.AsType[*migrate.ConsumedError](err); !ok || used.Consumers != 1 {
			t.Errorf("got %v, want a *ConsumedError with 1 consumer", err)
		}
	})
	rabbit.Run(t, "a queue that does not exist", func(t *testing.T) {
		s := newShop(t)
		_, err := migrated(t.Context(), s.url, s.queue+"-missing", nil)
		if !errors.Is(err, amqp.ErrNoQueue) {
			t.Errorf("got %v, want ErrNoQueue", err)
		}
	})
	rabbit.Run(t, "a migration to other arguments that has begun", func(t *testing.T) {
		s := newShop(t)
		s.interrupted(t, "drain")
		_, err := migrated(t.Context(), s.url, s.queue, func(m *migrate.Migration) {
			m.Queue.Arguments = map[string]any{"x-queue-type": "classic", "x-max-priority": 3}
		})
		if !errors.As(err, new(*topology.ConflictError)) {
			t.Errorf("got %v, want a *ConflictError", err)
		}
	})
	rabbit.Run(t, "a consumer that comes meanwhile", func(t *testing.T) {
		s := newShop(t)
		_, err := migrated(t.Context(), s.url, s.queue, func(m *migrate.Migration) {
			m.OnStep = func(step string) error {
				if step != "drain" {
					return nil
				}
				_, err := s.channel.Consume(s.queue, "", false, false, false, false, nil)
				return err
			}
		})
		if !errors.As(err, new(*migrate.ConsumedError)) {
			t.Errorf("got %v, want a *ConsumedError", err)
		}
	})
}

// TestAQueueThatIsDeclaredAsItWasIsReplacedAgain: a worker with the former configuration may
// declare it at the moment when it does not exist.
func TestAQueueThatIsDeclaredAsItWasIsReplacedAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.fill(t, 100)
	declared := 0
	_, err := migrated(t.Context(), s.url, s.queue, func(m *migrate.Migration) {
		m.OnStep = func(step string) error {
			if step == "declare" && declared == 0 {
				declared++
				s.declare(t)
				s.fill(t, 100)
			}
			return nil
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s.gone(t)
	s.isWanted(t)
	copies, _ := s.audit(t)
	t.Logf("%d duplicates", copies)
}

// TestMessagesByNameAreKept although they are published to the queue directly, while it is
// deleted: the broker returns those for which there is no queue. RabbitMQ confirms a message that
// is on its way to a classic queue at the moment of the deletion, and drops it.
func TestMessagesByNameAreKept(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ch := rabbit.Channel(t, s.url)
	returned := ch.NotifyReturn(make(chan amqp091.Return, 1<<16))
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	sent := make(chan int, 1)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			id := strconv.Itoa(n)
			c, err := ch.PublishWithDeferredConfirmWithContext(t.Context(), "", s.queue, true, false, amqp091.Publishing{MessageId: id, Body: []byte(id)})
			if err != nil {
				t.Errorf("message %d: %v", n, err)
				break
			}
			if !c.Wait() {
				n-- // the broker refuses what it can put into no queue
			}
		}
		sent <- n
	}()
	r, err := migrated(t.Context(), s.url, s.queue, nil)
	stop()
	n := <-sent
	if err != nil || r.Lost > 0 {
		t.Fatal(r, err)
	}
	back := len(returned)
	got := rabbit.Depth(t, s.channel, s.queue)
	t.Logf("%d messages, %d returned, %d in the queue", n, back, got)
	if got < n-back-1 || got > n-back {
		t.Errorf("%d messages are in the queue, want %d, or one less", got, n-back)
	}
}

// The last messages arrived just before the queue was deleted, and are in the memory of this process
// alone. So the rate does not limit them.
func TestTheLastMessagesAreMovedAtOnce(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		s := newShop(t)
		const messages = 100
		began := time.Time{}
		r, err := migrated(t.Context(), s.url, s.queue, func(m *migrate.Migration) {
			m.Rate = 2
			m.OnStep = func(step string) error {
				switch step {
				case "delete":
					for range messages {
						if err := s.channel.PublishWithContext(t.Context(), "", s.queue, true, false, amqp091.Publishing{Body: []byte("1")}); err != nil {
							return err
						}
					}
					_, err := s.channel.QueueDeclarePassive(s.queue, true, false, false, false, nil) // the broker has them
					began = time.Now()
					return err
				case "declare":
					if took := time.Since(began); took > 10*time.Second {
						t.Errorf("the last messages took %v, want 10s at most", took)
					}
				case "move back":
					m.Rate = 0
				}
				return nil
			}
		})
		if err != nil || r.Lost > 0 {
			t.Fatal(r, err)
		}
		if n := rabbit.Depth(t, s.channel, s.queue); n != messages {
			t.Errorf("%d messages are in the queue, want %d", n, messages)
		}
	})
}
