package worker_test

import (
	"errors"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/fleet"
	fleetwire "github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/worker"
)

// publishers is a user that may do everything but log in as the worker's user.
func (p *permitted) publishers() (url, name string) {
	p.t.Helper()
	u := rabbit.User{Name: rabbit.Queue(p.t), Password: "secret", Configure: ".*", Write: ".*", Read: ".*"}
	return p.node.Permit(p.t, u), u.Name
}

// TestOnlyListedUsersControlAWorker although each of them knows its address. RabbitMQ verifies
// the user.
func TestOnlyListedUsersControlAWorker(t *testing.T) {
	t.Parallel()
	runWithNode(t, "by default the worker's own", func(t *testing.T, node rabbit.Node) {
		p := newPermitted(t, node)
		other, name := p.publishers()
		own, stranger := p.operate(p.url), p.operate(other)
		r := p.run(nothing, inFleet)
		pause := fleetwire.Command{Name: fleetwire.Pause, Queue: p.queue.Name}
		refused := new(fleetwire.RefusedError)
		if _, err := stranger.send(pause); !errors.As(err, &refused) || !strings.Contains(refused.Text, name) {
			t.Errorf("another user's command returned %v, want a RefusedError that names %s", err, name)
		}
		if state := r.sub.Health().State; state != worker.StateConsuming {
			t.Errorf("the queue is %v, want consuming", state)
		}
		own.must(pause)
		if state := r.sub.Health().State; state != worker.StatePaused {
			t.Errorf("the queue is %v, want paused", state)
		}
	})
	runWithNode(t, "the users of the configuration", func(t *testing.T, node rabbit.Node) {
		p := newPermitted(t, node)
		url, name := p.publishers()
		listed, own := p.operate(url), p.operate(p.url)
		p.run(nothing, func(c *worker.Config) { c.Fleet = &fleet.Config{Users: []string{name}} })
		listed.must(fleetwire.Command{Name: fleetwire.Scale, Queue: p.queue.Name, Concurrency: 2})
		refused := new(fleetwire.RefusedError)
		if _, err := own.send(fleetwire.Command{Name: fleetwire.Drain}); !errors.As(err, &refused) {
			t.Errorf("the worker's own user got %v, want a RefusedError", err)
		}
	})
}

// TestAForgedUserIsRefusedByTheBroker, and a command without a user by the worker.
func TestAForgedUserIsRefusedByTheBroker(t *testing.T) {
	withNode(t, func(t *testing.T, node rabbit.Node) {
		p := newPermitted(t, node)
		url, _ := p.publishers()
		stranger := p.operate(url)
		r := p.run(nothing, inFleet)
		to := stranger.anything()
		forged, nameless := rabbit.Channel(t, url), rabbit.Channel(t, url)
		closed := forged.NotifyClose(make(chan *amqp.Error, 1))
		if err := errors.Join(forge(forged, to.Address, p.user.Name, p.queue.Name), forge(nameless, to.Address, "", p.queue.Name)); err != nil {
			t.Fatal(err)
		}
		if e := <-closed; e == nil || e.Code != amqp.PreconditionFailed {
			t.Errorf("another user's name: the broker answered %v, want PRECONDITION_FAILED", e)
		}
		// A passive declaration is answered after the publish.
		if _, err := nameless.QueueDeclarePassive(p.queue.Name, false, false, false, false, nil); err != nil {
			t.Errorf("no name: the broker answered %v, want nothing", err)
		}
		stranger.sees("the queue as it was", func(_ fleetwire.Seen, q fleetwire.Queue) bool { return q.State == "consuming" })
		if state := r.sub.Health().State; state != worker.StateConsuming {
			t.Errorf("the queue is %v, want consuming", state)
		}
	})
}

// forge publishes a pause in the name of a user.
func forge(ch *amqp.Channel, address, user, queue string) error {
	return ch.Publish("", address, false, false, amqp.Publishing{
		UserId: user, Body: []byte(`{"format":1,"name":"pause","queue":"` + queue + `"}`),
	})
}

// TestAnAnswerIsNotAnswered, even if a message gives the process its own address to answer to.
func TestAnAnswerIsNotAnswered(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		o := b.operate(b.url)
		b.run(nothing, inFleet)
		address := o.anything().Address
		for _, body := range []string{`{"format":1}`, `{"format":1,"name":"unheard-of"}`} {
			if err := rabbit.Channel(t, b.url).Publish("", address, false, false, amqp.Publishing{ReplyTo: address, UserId: "guest", Body: []byte(body)}); err != nil {
				t.Fatal(err)
			}
		}
		mine := func() (n int) {
			for _, s := range o.listener.Executed() {
				if s.Executed.Command.Name == "unheard-of" || s.Executed.Command.Name == "" {
					n++
				}
			}
			return n
		}
		b.eventually("the command is announced", func() bool { return mine() > 0 })
		o.must(fleetwire.Command{Name: fleetwire.Pause, Queue: b.queue.Name}) // later than any answer to an answer
		o.must(fleetwire.Command{Name: fleetwire.Resume, Queue: b.queue.Name})
		if n := mine(); n > 2 {
			t.Errorf("%d commands are announced, want 2 at most", n)
		}
	})
}
