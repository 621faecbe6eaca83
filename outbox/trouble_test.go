package outbox_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/outbox"
	"github.com/warren-mq/warren/retry"
)

// A message that the broker refuses holds up its own aggregate and nothing else.
func TestARefusedMessageHoldsUpItsAggregateAlone(t *testing.T) {
	t.Parallel()
	type refusal struct {
		spoil func(t *testing.T, s *store, m *outbox.Message) (mend func())
		want  error
	}
	for name, tt := range map[string]refusal{
		"no queue is bound": {func(t *testing.T, _ *store, m *outbox.Message) func() {
			m.Key = rabbit.Queue(t)
			return func() {
				ch := rabbit.Channel(t, rabbit.URL(t))
				_, err := ch.QueueDeclare(m.Key, false, true, false, false, nil)
				check(t, err)
			}
		}, broker.ErrUnroutable},
		"the exchange is missing": {func(t *testing.T, _ *store, m *outbox.Message) func() {
			exchange, to := rabbit.Queue(t), m.Key
			m.Exchange = exchange
			return func() {
				ch := rabbit.Channel(t, rabbit.URL(t))
				check(t, ch.ExchangeDeclare(exchange, amqp.ExchangeFanout, false, true, false, false, nil))
				check(t, ch.QueueBind(to, "", exchange, false, nil))
			}
		}, broker.ErrUnroutable},
		"the exchange takes nothing from clients": {func(t *testing.T, _ *store, m *outbox.Message) func() {
			exchange, to := rabbit.Queue(t), m.Key
			m.Exchange = exchange
			ch := rabbit.Channel(t, rabbit.URL(t))
			check(t, ch.ExchangeDeclare(exchange, amqp.ExchangeFanout, false, false, true, false, nil))
			return func() {
				check(t, ch.ExchangeDelete(exchange, false, false))
				check(t, ch.ExchangeDeclare(exchange, amqp.ExchangeFanout, false, true, false, false, nil))
				check(t, ch.QueueBind(to, "", exchange, false, nil))
			}
		}, broker.ErrRefused},
		"the queue is full": {func(t *testing.T, _ *store, m *outbox.Message) func() {
			ch := rabbit.Channel(t, rabbit.URL(t))
			m.Key = rabbit.Queue(t)
			_, err := ch.QueueDeclare(m.Key, false, true, false, false, amqp.Table{"x-max-length": 1, "x-overflow": "reject-publish"})
			check(t, err)
			check(t, ch.PublishWithContext(t.Context(), "", m.Key, false, false, amqp.Publishing{}))
			return func() {
				_, err := ch.QueuePurge(m.Key, false)
				check(t, err)
			}
		}, broker.ErrNacked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, s *store) {
				url := rabbit.URL(t)
				to, got := queue(t, url)
				bad := outbox.Message{Key: to, Aggregate: "bad", ID: "bad-0", Body: mark{"bad", 0}}
				mend := tt.spoil(t, s, &bad)
				s.write(t, bad, outbox.Message{Key: to, Aggregate: "bad", ID: "bad-1", Body: mark{"bad", 1}})
				for i := range 20 {
					a := fmt.Sprint("good", i)
					s.write(t, outbox.Message{Key: to, Aggregate: a, Body: mark{a, 0}}, outbox.Message{Key: to, Aggregate: a, Body: mark{a, 1}})
				}
				r := s.relay(t, url, func(c *outbox.Config) {
					c.Retry = retry.Policy{InitialInterval: 50 * time.Millisecond, MaxInterval: 100 * time.Millisecond}
				})
				got.await(t, 40)
				rabbit.Eventually(t, patience, func() bool {
					f := seen[outbox.Failed](r)
					return len(f) >= 2 && f[1].Attempts == 2
				}, "the bad one is tried again")
				for _, f := range seen[outbox.Failed](r) {
					if f.ID != "bad-0" || !errors.Is(f.Err, tt.want) {
						t.Errorf("failed: %+v, want bad-0 alone with %v", f, tt.want)
					}
				}
				stats, err := r.Stats(t.Context())
				check(t, err)
				if stats.Pending != 2 || stats.Refused != 1 || stats.Oldest <= 0 || !r.Health().Ready {
					t.Errorf("%+v, %+v; want 2 pending, 1 refused, and ready", stats, r.Health())
				}
				if n := s.count(t, "SELECT count(*) FROM warren_outbox WHERE attempts > 1 AND last_error <> '' AND message_id = 'bad-0'"); n != 1 {
					t.Error("the row tells no attempts and no error")
				}
				if got.ids()["bad-1"] > 0 {
					t.Error("bad-1 came before bad-0")
				}
				mend()
				r.drained()
				got.await(t, 41)
			})
		})
	}
}

// A row that somebody has damaged.
func TestARowThatCannotBeReadIsReported(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		url := rabbit.URL(t)
		name, got := queue(t, url)
		s.write(t, outbox.Message{Key: name, ID: "odd", Body: 1}, outbox.Message{Key: name, ID: "good", Body: 2})
		if _, err := s.ExecContext(t.Context(), "UPDATE warren_outbox SET headers = '{' WHERE message_id = 'odd'"); err != nil {
			t.Fatal(err)
		}
		r := s.relay(t, url)
		got.await(t, 1)
		rabbit.Eventually(t, patience, func() bool { return len(seen[outbox.Failed](r)) > 0 }, "the odd one is told")
		if f := seen[outbox.Failed](r)[0]; f.ID != "odd" || !strings.Contains(f.Err.Error(), "headers") {
			t.Errorf("failed: %+v", f)
		}
	})
}

func TestNoRowIsLostWhenTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		name, got := queue(t, rabbit.URL(t))
		proxy.Cut()
		r := s.relay(t, proxy.URL(), func(c *outbox.Config) {
			c.Broker.Backoff = retry.Policy{InitialInterval: 20 * time.Millisecond, MaxInterval: 50 * time.Millisecond}
			c.Batch = 30
		})
		if r.Health().Ready {
			t.Error("ready without a broker")
		}
		const each, cuts = 30, 8
		go func() {
			for i := range cuts {
				proxy.Restore(t)
				for range 200 { // until some have come
					if len(got.ids()) > i*aggregates*each/cuts {
						break
					}
					select {
					case <-time.After(10 * time.Millisecond):
					case <-t.Context().Done():
						return
					}
				}
				proxy.Cut()
			}
			proxy.Restore(t)
		}()
		s.writeMarks(t, name, each, r.Wake)
		got.await(t, aggregates*each)
		r.drained()
		rabbit.Eventually(t, patience, func() bool { return r.Health().Ready }, "ready again")
		for _, f := range seen[outbox.Failed](r) {
			t.Errorf("a message was blamed: %+v", f)
		}
		got.inOrder(t)
		t.Logf("%d messages, %d interruptions, %d duplicates", len(got.ids()), len(seen[outbox.Interrupted](r)), got.duplicates())
	})
}

func TestABlockedBrokerIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newStore(t, outbox.SQLite)
	node := rabbit.Start(t)
	name, got := queue(t, node.URL())
	r := s.relay(t, node.URL(), func(c *outbox.Config) { c.Lease = 6 * time.Second })
	s.write(t, outbox.Message{Key: name, Aggregate: "a", Body: mark{"a", 0}})
	got.await(t, 1)
	node.Block(t)
	s.write(t, outbox.Message{Key: name, Aggregate: "a", Body: mark{"a", 1}})
	rabbit.Eventually(t, patience, func() bool {
		return len(seen[outbox.Interrupted](r)) > 0 && strings.Contains(strings.Join(r.Health().Reasons, " "), "blocked")
	}, "the health says so")
	node.Unblock(t)
	got.await(t, 2)
	r.drained()
	got.inOrder(t)
}

func TestADatabaseThatIsAwayIsWaitedFor(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		url := rabbit.URL(t)
		name, got := queue(t, url)
		exec := func(statement string) {
			_, err := s.ExecContext(t.Context(), statement)
			check(t, err)
		}
		exec("ALTER TABLE warren_outbox RENAME TO away")
		r := s.relay(t, url)
		rabbit.Eventually(t, patience, func() bool { return len(seen[outbox.Interrupted](r)) > 0 }, "the relay says so")
		if r.Health().Ready {
			t.Error("ready without its table")
		}
		exec("ALTER TABLE away RENAME TO warren_outbox")
		s.write(t, outbox.Message{Key: name, Body: 1})
		got.await(t, 1)
		rabbit.Eventually(t, patience, func() bool { return r.Health().Ready && len(seen[outbox.Resumed](r)) > 0 }, "it goes on")
	})
}

// A deletion of old rows that fails is reported, and stops neither the messages nor the other
// deletions.
func TestADeletionThatFailsStopsNoMessage(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		url := rabbit.URL(t)
		name, got := queue(t, url)
		if _, err := s.ExecContext(t.Context(), "ALTER TABLE warren_outbox_unique RENAME TO away"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		r := s.relay(t, url, func(c *outbox.Config) { c.Retention = time.Millisecond })
		for n := range 10 {
			s.write(t, outbox.Message{Key: name, Body: n})
			got.await(t, n+1)
		}
		failed, most := seen[outbox.Interrupted](r), 1+int(time.Since(began)/time.Minute)
		if len(failed) == 0 || len(failed) > most || !strings.Contains(failed[0].Err.Error(), "outbox: delete old rows: ") {
			t.Errorf("interrupted: %v, want the deletion once a minute", failed)
		}
		rabbit.Eventually(t, patience, func() bool { return r.Health().Ready }, "the relay is ready")
	})
}

func TestARelaySurvivesAPanicOfOnEvent(t *testing.T) {
	t.Parallel()
	s := newStore(t, outbox.SQLite)
	url := rabbit.URL(t)
	name, got := queue(t, url)
	r := s.relay(t, url, func(c *outbox.Config) {
		note := c.OnEvent
		c.OnEvent = func(e outbox.Event) {
			note(e)
			panic("no event")
		}
	})
	for n := range 2 { // in two batches
		s.write(t, outbox.Message{Key: name, Body: mark{N: n}})
		r.Wake()
		got.await(t, n+1)
	}
	r.drained()
	if n := len(seen[outbox.Published](r)); n != 2 {
		t.Errorf("%d messages are published, want 2", n)
	}
}
