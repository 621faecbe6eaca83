package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// usual is an existing queue as other teams have it.
type usual struct {
	name      string
	kind      string
	arguments amqp.Table
	consumer  message.Headers
}

// usualQueues returns the nine usual queues; dlx is another team's exchange.
func usualQueues(dlx string) []usual {
	return []usual{
		{"plain classic", topology.Classic, nil, nil},
		{"plain quorum", topology.Quorum, amqp.Table{"x-queue-type": "quorum"}, nil},
		{"classic with a DLX and no key", topology.Classic, amqp.Table{"x-dead-letter-exchange": dlx}, nil},
		{"quorum with another team's DLX", topology.Quorum, amqp.Table{"x-queue-type": "quorum", "x-dead-letter-exchange": dlx, "x-dead-letter-routing-key": "dead"}, nil},
		{"lazy", topology.Classic, amqp.Table{"x-queue-mode": "lazy"}, nil},
		{"max-length with drop-head", topology.Classic, amqp.Table{"x-max-length": 1000, "x-overflow": "drop-head"}, nil},
		{"TTL", topology.Classic, amqp.Table{"x-message-ttl": 600_000}, nil},
		{"single active consumer", topology.Quorum, amqp.Table{"x-queue-type": "quorum", "x-single-active-consumer": true}, nil},
		{"stream from first", topology.Stream, amqp.Table{"x-queue-type": "stream"}, message.Headers{"x-stream-offset": "first"}},
		{"stream from last", topology.Stream, amqp.Table{"x-queue-type": "stream"}, message.Headers{"x-stream-offset": "last"}},
		{"stream from next", topology.Stream, amqp.Table{"x-queue-type": "stream"}, message.Headers{"x-stream-offset": "next"}},
	}
}

// TestTheNineUsualQueuesAreConsumedAsTheyAre: a worker that verifies them, and one that declares
// them with their own arguments, handles, retries and dead-letters their messages.
func TestTheNineUsualQueuesAreConsumedAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, u := range usualQueues("") {
		rabbit.Run(t, u.name+", verified", func(t *testing.T) {
			b := newBench(t)
			b.adopt(u)
			b.queue.Topology = topology.Verify
			b.handlesRetriesAndDeadLetters()
		})
		rabbit.Run(t, u.name+", declared with its own arguments", func(t *testing.T) {
			b := newBench(t)
			b.adopt(u)
			b.queue.OnlyArguments, b.queue.Arguments = true, b.arguments(u)
			b.handlesRetriesAndDeadLetters()
		})
	}
}

// teamDLX returns the other team's exchange of the test.
func (b *bench) teamDLX() string { return b.exchange + "-dlx" }

func (b *bench) arguments(u usual) map[string]any {
	args := map[string]any{}
	maps.Copy(args, u.arguments)
	if _, ok := args["x-dead-letter-exchange"]; ok {
		args["x-dead-letter-exchange"] = b.teamDLX()
	}
	return args
}

// adopt declares the queue as another team does, and prepares the worker's queue for it.
func (b *bench) adopt(u usual) {
	b.t.Helper()
	if u.kind == topology.Stream {
		rabbit.NeedsStreams(b.t)
	}
	ch := rabbit.Channel(b.t, b.pubURL)
	if err := ch.ExchangeDeclare(b.teamDLX(), "topic", true, false, false, false, nil); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if err := ch.ExchangeDelete(b.teamDLX(), false, false); err != nil {
			b.t.Error(err)
		}
	})
	args := amqp.Table(b.arguments(u))
	declare(b.t, ch, b.queue.Name, args)
	b.queue.Exchange, b.queue.Type, b.queue.ConsumerArguments = "", u.kind, u.consumer
	b.queue.Concurrency = 1
}

// handlesRetriesAndDeadLetters publishes a message that is handled, one that is retried once
// and one that is dead-lettered, straight to the queue.
func (b *bench) handlesRetriesAndDeadLetters() {
	b.t.Helper()
	var mu sync.Mutex
	attempts := map[string][]int{}
	b.run(handler.Func(func(_ context.Context, m *message.Message) error {
		mu.Lock()
		defer mu.Unlock()
		attempts[m.ID] = append(attempts[m.ID], m.Attempt)
		switch {
		case m.ID == "dead":
			return retry.Permanent(errBoom)
		case m.ID == "twice" && m.Attempt == 1:
			return errBoom
		}
		return nil
	}))
	pub := broker.NewPublisher(broker.Config{URL: b.pubURL, Dial: rabbit.Dial}, "")
	b.t.Cleanup(func() {
		if err := pub.Close(); err != nil {
			b.t.Error(err)
		}
	})
	for _, id := range []string{"once", "twice", "dead"} {
		if err := pub.Publish(b.t.Context(), b.queue.Name, 1, broker.WithMessageID(id)); err != nil {
			b.t.Fatal(err)
		}
	}
	b.verdicts(4)
	mu.Lock()
	got := fmt.Sprint(attempts["once"], attempts["twice"], attempts["dead"])
	mu.Unlock()
	if want := "[1] [1 2] [1]"; got != want {
		b.t.Errorf("the attempts are %s, want %s", got, want)
	}
	if d := b.deadLetter(); d.MessageId != "dead" || d.Headers["warren-reason"] != "permanent" || d.Headers["warren-queue"] != b.queue.Name {
		b.t.Errorf("the dead letter is %s with %v", d.MessageId, d.Headers)
	}
}

// TestAQueueThatLacksWhatAPromiseNeedsIsRefused with a sentence that says what to do.
func TestAQueueThatLacksWhatAPromiseNeedsIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(*bench)
		want    string
	}{
		"a plain queue, declared by Warren": {
			func(b *bench) { b.adopt(usual{kind: topology.Classic}); b.queue.Type = topology.Quorum },
			`use the queue as it is with the mode "verify"`,
		},
		"a plain quorum queue, without the argument": {
			func(b *bench) { b.adopt(usual{kind: topology.Quorum, arguments: amqp.Table{"x-queue-type": "quorum"}}) },
			"leave x-dead-letter-exchange out with the value nil (null in YAML) in Arguments",
		},
		"no queue": {
			func(b *bench) { b.queue.Topology = topology.Verify; b.queue.Exchange = "" },
			`does not exist, and the program does not declare it; have its owner declare it`,
		},
		"no exchange for dead letters": {
			func(b *bench) {
				b.adopt(usual{kind: topology.Classic})
				b.queue.Topology, b.queue.DeadLetters = topology.Verify, topology.DeadLetters{Exchange: b.exchange + "-nowhere"}
			},
			`-nowhere does not exist, and the program does not declare it`,
		},
		"a queue for dead letters that does not exist": {
			func(b *bench) {
				b.queue.Exchange = ""
				b.queue.DeadLetters = topology.DeadLetters{Key: b.exchange + "-nowhere"}
			},
			`-nowhere does not exist, and the program does not declare it`,
		},
	} {
		rabbit.Run(t, name, func(t *testing.T) {
			b := newBench(t)
			tt.prepare(b)
			w := worker.New(worker.Config{Broker: broker.Config{URL: b.url, Dial: rabbit.Dial}, Logger: slog.New(slog.DiscardHandler)})
			w.Queue(b.queue).Handle("#", nothing)
			if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run returned %v, want %q in it", err, tt.want)
			}
		})
	}
}

// TestEachArgumentCanBeLeftOut: a nil value leaves out what Warren would add.
func TestEachArgumentCanBeLeftOut(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.adopt(usual{kind: topology.Quorum, arguments: amqp.Table{"x-queue-type": "quorum"}})
		b.queue.Arguments = message.Headers{
			"x-dead-letter-exchange": nil, "x-dead-letter-routing-key": nil, "x-dead-letter-strategy": nil, "x-delivery-limit": nil, "x-overflow": nil,
			"x-queue-leader-locator": nil, "x-consumer-disconnected-timeout": nil,
		}
		b.handlesRetriesAndDeadLetters()
	})
}

// TestDeadLettersGoWhereTheQueueSays is a row for each place, with and without a record.
func TestDeadLettersGoWhereTheQueueSays(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		letters func(b *bench) topology.DeadLetters
		at      func(b *bench) string // the queue where the dead letter is to be; empty: nowhere
		record  bool
		check   func(t *testing.T, b *bench, d amqp.Delivery)
	}{
		"the default": {
			func(*bench) topology.DeadLetters { return topology.DeadLetters{} },
			func(b *bench) string { return topology.DeadLetterQueue(b.queue.Name) }, true, nil,
		},
		"a queue by name": {
			func(b *bench) topology.DeadLetters { return topology.DeadLetters{Queue: b.exchange + "-graveyard"} },
			func(b *bench) string { return b.exchange + "-graveyard" }, true, nil,
		},
		"a queue by name, without a record": {
			func(b *bench) topology.DeadLetters {
				return topology.DeadLetters{Queue: b.exchange + "-graveyard", WithoutRecord: true}
			},
			func(b *bench) string { return b.exchange + "-graveyard" }, false, nil,
		},
		"another team's exchange": {
			func(b *bench) topology.DeadLetters { return topology.DeadLetters{Exchange: b.teamDLX(), Key: "dead"} },
			func(b *bench) string { return b.teamDLX() }, true, nil,
		},
		"another team's exchange by the message's own key": {
			func(b *bench) topology.DeadLetters {
				return topology.DeadLetters{Exchange: b.teamDLX(), WithoutRecord: true}
			},
			func(b *bench) string { return b.teamDLX() }, false,
			func(t *testing.T, _ *bench, d amqp.Delivery) {
				if d.RoutingKey != "key" {
					t.Errorf("the routing key is %q, want key", d.RoutingKey)
				}
			},
		},
		"another team's queue": {
			func(b *bench) topology.DeadLetters { return topology.DeadLetters{Key: b.teamDLX()} },
			func(b *bench) string { return b.teamDLX() }, true, nil,
		},
		"the broker's own way, by reject": {
			func(b *bench) topology.DeadLetters {
				return topology.DeadLetters{Exchange: b.teamDLX(), Key: "dead", Reject: true}
			},
			func(b *bench) string { return b.teamDLX() }, false,
			func(t *testing.T, _ *bench, d amqp.Delivery) {
				if d.Headers["x-first-death-reason"] != "rejected" {
					t.Errorf("the headers are %v, want x-first-death-reason rejected", d.Headers)
				}
			},
		},
		"nowhere": {
			func(*bench) topology.DeadLetters { return topology.DeadLetters{Discard: true} },
			func(*bench) string { return "" }, false, nil,
		},
	} {
		rabbit.Run(t, name, func(t *testing.T) {
			b := newBench(t)
			b.queue.DeadLetters = tt.letters(b)
			ch := rabbit.Channel(t, b.url)
			if err := ch.ExchangeDeclare(b.teamDLX(), "topic", true, false, false, false, nil); err != nil {
				t.Fatal(err)
			}
			declare(t, ch, b.teamDLX(), amqp.Table{"x-queue-type": "quorum"})
			if err := ch.QueueBind(b.teamDLX(), "#", b.teamDLX(), false, nil); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_, err := ch.QueueDelete(b.exchange+"-graveyard", false, false, false)
				if err := errors.Join(err, ch.ExchangeDelete(b.teamDLX(), false, false)); err != nil {
					t.Error(err)
				}
			})
			b.run(handler.Func(func(context.Context, *message.Message) error { return retry.Permanent(errBoom) }))
			b.publish("key", 1, broker.WithMessageID("dead"))
			if got := b.verdicts(1); got[0] != worker.DeadLetter {
				t.Fatalf("the verdict is %v, want dead-letter", got[0])
			}
			queue := tt.at(b)
			if queue == "" {
				if err := b.settled()[0].Outcome.Err; !strings.Contains(err.Error(), "DeadLetters.Discard") {
					t.Errorf("the error is %v, want it to say that the message is deleted", err)
				}
				b.eventually("the queue is empty", func() bool { return b.depth(b.queue.Name) == 0 })
				return
			}
			var d amqp.Delivery
			b.eventually("the dead letter is there", func() (ok bool) {
				var err error
				if d, ok, err = b.channel.Get(queue, true); err != nil {
					t.Fatal(err)
				}
				return ok
			})
			if _, recorded := d.Headers["warren-reason"]; recorded != tt.record || d.MessageId != "dead" {
				t.Errorf("the dead letter %s has the headers %v, want a record: %v", d.MessageId, d.Headers, tt.record)
			}
			if tt.check != nil {
				tt.check(t, b, d)
			}
		})
	}
}
