package worker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// ownedElsewhere prepares a node on which someone else has declared everything, and a bench whose
// user cannot declare anything.
func ownedElsewhere(t *testing.T, node rabbit.Node, mode topology.Mode) *permitted {
	t.Helper()
	p := newPermitted(t, node)
	w := worker.New(worker.Config{})
	w.Queue(p.queue).Handle("#", nothing)
	if err := broker.Declare(t.Context(), broker.Config{URL: node.URL(), Dial: rabbit.Dial}, w.Topology()); err != nil {
		t.Fatal(err)
	}
	p.revoke(func(u *rabbit.User) { u.Configure = "^$" })
	p.mode = mode
	return p
}

func (p *permitted) withMode(c *worker.Config) { c.Broker.Topology = p.mode }

// TestAWorkerThatDeclaresNothingHandlesRetriesAndDeadLetters, as a user that cannot configure
// anything.
func TestAWorkerThatDeclaresNothingHandlesRetriesAndDeadLetters(t *testing.T) {
	t.Parallel()
	for _, mode := range []topology.Mode{topology.Verify, topology.Trust} {
		runWithNode(t, string(mode), func(t *testing.T, node rabbit.Node) {
			p := ownedElsewhere(t, node, mode)
			r := p.run(handler.Func(func(_ context.Context, m *message.Message) error {
				switch {
				case m.ID == "dead":
					return retry.Permanent(errBoom)
				case m.ID == "twice" && m.Attempt == 1:
					return errBoom
				}
				return nil
			}), p.withMode)
			for _, id := range []string{"once", "twice", "dead"} {
				p.publish("key", 1, broker.WithMessageID(id))
			}
			p.verdicts(4)
			if d := p.deadLetter(); d.MessageId != "dead" {
				t.Errorf("the dead letter is %s, want dead", d.MessageId)
			}
			if h := r.worker.Health(); !h.Ready || len(h.Warnings) > 0 {
				t.Errorf("the health is %+v, want ready without warnings", h)
			}
			p.losesNoConnection()
		})
	}
}

// TestAWorkerThatVerifiesNamesEverythingThatIsMissing, and changes nothing.
func TestAWorkerThatVerifiesNamesEverythingThatIsMissing(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		w := worker.New(worker.Config{Broker: broker.Config{URL: b.url, Dial: rabbit.Dial, Topology: topology.Verify}})
		w.Queue(b.queue).Handle("#", nothing)
		err := w.Run(t.Context())
		if err == nil {
			t.Fatal("Run returned nil, want an error")
		}
		for _, want := range []string{
			"exchange " + b.exchange + " does not exist", "queue " + b.queue.Name + " does not exist",
			"queue " + topology.DeadLetterQueue(b.queue.Name) + " does not exist",
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Run returned %v, want %q in it", err, want)
			}
		}
		for _, q := range []string{b.queue.Name, topology.DeadLetterQueue(b.queue.Name), topology.ParkingQueue(b.queue.Name)} {
			if exists(t, b.url, q) {
				t.Errorf("queue %s was declared, want nothing changed", q)
			}
		}
	})
}

// TestANameThatCannotBeVerifiedIsTrusted: some brokers refuse even a passive declaration to a user
// without a permission for the name.
func TestANameThatCannotBeVerifiedIsTrusted(t *testing.T) {
	withNode(t, func(t *testing.T, node rabbit.Node) {
		p := newPermitted(t, node)
		other := p.exchange + "-private"
		ch := rabbit.Channel(t, node.URL())
		if err := ch.ExchangeDeclare(other, "topic", true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := ch.ExchangeDelete(other, false, false); err != nil {
				t.Error(err)
			}
		})
		w := worker.New(worker.Config{})
		w.Queue(p.queue).Handle("#", nothing)
		if err := broker.Declare(t.Context(), broker.Config{URL: node.URL(), Dial: rabbit.Dial}, w.Topology()); err != nil {
			t.Fatal(err)
		}
		p.mode = topology.Verify
		p.queue.Bindings = []topology.Binding{{Exchange: other, Key: "#"}}
		p.revoke(func(u *rabbit.User) {
			u.Configure = "^$"
			u.Write, u.Read = "^("+p.queue.Name+"([.].*|-events)?|warren[.].*|amq[.]default)$", "^("+p.queue.Name+"([.].*|-events)?|warren[.].*)$"
		})
		r := p.run(nothing, p.withMode)
		var asked []string
		p.count(func(e worker.Event) bool {
			if c, ok := e.(worker.TopologyChanged); ok && c.Trusted {
				if d, is := errors.AsType[*topology.DeclarationError](c.Err); is {
					asked = append(asked, d.Name)
				}
			}
			return false
		})
		want := []string(nil)
		if p.count(func(e worker.Event) bool {
			up, ok := e.(worker.SessionUp)
			return ok && strings.HasPrefix(up.Version, "4.3")
		}) > 0 {
			want = []string{other}
		}
		if !slices.Equal(asked, want) {
			t.Errorf("the names that were not verified are %q, want %q", asked, want)
		}
		warnings := slices.DeleteFunc(r.worker.Health().Warnings, func(w string) bool { return !strings.Contains(w, "is trusted") })
		if len(warnings) != len(want) {
			t.Errorf("the warnings are %q, want %d", warnings, len(want))
		}
		p.publish("key", 1)
		p.verdicts(1)
	})
}

// TestWarrensOwnQueuesAreDeclaredBesideAQueueOfOthers.
func TestWarrensOwnQueuesAreDeclaredBesideAQueueOfOthers(t *testing.T) {
	t.Parallel()
	for _, mode := range []topology.Mode{topology.Verify, topology.Trust} {
		runWithNode(t, string(mode), func(t *testing.T, node rabbit.Node) {
			p := newPermitted(t, node)
			p.adopt(usual{kind: topology.Classic})
			p.queue.Topology = mode
			p.user.Configure = "^(warren[.].*|" + p.queue.Name + "[.](dlq|delay))$"
			p.restore()
			p.handlesRetriesAndDeadLetters()
		})
	}
}
