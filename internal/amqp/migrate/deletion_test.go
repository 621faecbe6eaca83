package migrate_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/migrate"
	"github.com/warren-mq/warren/internal/rabbit"
)

// TestAQueueWithoutALeaderIsNotDeleted. RabbitMQ reports a quorum queue as empty while it has no
// leader, and delivers none of its messages.
func TestAQueueWithoutALeaderIsNotDeleted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ step, suffix, deletion string }{
		{"drain", "", "delete"},
		{"move back", ".migrate.old", "delete the old messages"},
		{"move the held messages", ".migrate.new", "delete the held messages"},
	} {
		t.Run(tt.step, func(t *testing.T) {
			t.Parallel()
			b, err := devbroker.Start(devbroker.Config{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			})
			s := newShopAt(t, b.URL(), "quorum")
			s.fill(t, 300)
			var away atomic.Bool
			r, err := migrated(t.Context(), s.url, s.queue, func(m *migrate.Migration) {
				m.OnStep = func(step string) error {
					if step == "drain" {
						s.fill(t, 300) // they wait in the queue of the new messages
					}
					if step == tt.step {
						away.Store(true)
						b.Depose(s.queue + tt.suffix)
						time.AfterFunc(time.Second, func() {
							away.Store(false)
							b.Elect(s.queue + tt.suffix)
						})
					}
					if step == tt.deletion && away.Load() {
						return errors.New("the queue would be deleted without its leader")
					}
					return nil
				}
			})
			if err != nil || r.Lost > 0 {
				t.Fatal(r, err)
			}
			s.isWanted(t)
			s.audit(t)
		})
	}
}

// TestMessagesThatReturnAreMoved: a consumer that was cancelled gives them back one after the
// other, each before the queue was empty for long enough.
func TestMessagesThatReturnAreMoved(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		rate int
	}{{"without a rate", 0}, {"with a rate", 1}} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			rabbit.Waits(t, "the quiet time of the queue")
			s := newShop(t)
			s.fill(t, 4)
			held := s.hold(t, 2)
			moved := 0
			r, err := migrated(t.Context(), s.url, s.queue, func(m *migrate.Migration) {
				m.Quiet, m.Rate = 2*time.Second, tt.rate
				m.OnMoved = func(n int) {
					if moved += n; moved == 2 || moved == 3 {
						returned := held[moved-2]
						time.AfterFunc(1500*time.Millisecond, func() {
							if err := returned.Nack(false, true); err != nil {
								t.Error(err)
							}
						})
					}
				}
			})
			if err != nil || r.Lost > 0 {
				t.Fatal(r, err)
			}
			s.take(t, 4)
		})
	}
}

// hold gets n messages from the queue, and acknowledges none.
func (s *shop) hold(t *testing.T, n int) (held []amqp091.Delivery) {
	t.Helper()
	ch := rabbit.Channel(t, s.url)
	for range n {
		d, ok, err := ch.Get(s.queue, false)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		held = append(held, d)
	}
	return held
}

// TestLostMessagesAreCounted: they reached the queue just before its deletion, and then cannot be
// published to the next one.
func TestLostMessagesAreCounted(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		s := newShop(t)
		const messages = 100 // large, so that the broker refuses the first while others wait
		r, err := migrated(t.Context(), s.url, s.queue, func(m *migrate.Migration) {
			m.OnStep = func(step string) error {
				if step != "delete" {
					return nil
				}
				err := s.channel.ExchangeDelete(s.queue+".migrate.old", false, false)
				for range messages {
					err = errors.Join(err, s.channel.PublishWithContext(t.Context(), "", s.queue, true, false, amqp091.Publishing{Body: make([]byte, 128<<10)}))
				}
				_, passive := s.channel.QueueDeclarePassive(s.queue, true, false, false, false, nil) // the broker has them
				return errors.Join(err, passive)
			}
		})
		if !errors.Is(err, amqp.ErrUnroutable) || r.Lost != messages {
			t.Errorf("got %+v, %v; want ErrUnroutable and %d lost messages", r, err, messages)
		}
	})
}

// TestAMessageThatIsTooLargeIsNamed: it was published while the broker had a larger limit.
func TestAMessageThatIsTooLargeIsNamed(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		node := rabbit.Start(t)
		s := newShopAt(t, node.URL(), "classic")
		s.fill(t, 3)
		p := amqp091.Publishing{MessageId: "large", Body: make([]byte, 2000)}
		c, err := s.channel.PublishWithDeferredConfirmWithContext(t.Context(), "", s.queue, true, false, p)
		if err != nil || !c.Wait() {
			t.Fatal(err)
		}
		node.LimitMessages(t, 1000)
		_, err = migrated(t.Context(), s.url, s.queue, nil)
		if !errors.Is(err, amqp.ErrTooLarge) || !strings.Contains(err.Error(), "larger than configured max size 1000") ||
			!strings.Contains(err.Error(), `messages in flight is "large" with 2000 bytes`) {
			t.Errorf("got %v, want ErrTooLarge with the limit, and the id and the size of the message", err)
		}
		node.LimitMessages(t, 3000)
		if _, err := migrated(t.Context(), s.url, s.queue, nil); err != nil {
			t.Fatal(err)
		}
		s.gone(t)
		if n := rabbit.Depth(t, s.channel, s.queue); n < 4 {
			t.Errorf("%d messages are in the queue, want 4 or more", n)
		}
	})
}
