package worker_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// permitted is a bench whose worker logs in as a user whose permissions change.
type permitted struct {
	*bench
	node rabbit.Node
	user rabbit.User
	mode topology.Mode // of the worker, if it is withMode
}

func newPermitted(t *testing.T, node rabbit.Node) *permitted {
	t.Helper()
	u := rabbit.User{Name: rabbit.Queue(t), Password: "secret", Configure: ".*", Write: ".*", Read: ".*"}
	url := node.Permit(t, u)
	b := newBenchAt(t, node.URL())
	b.url = url
	return &permitted{bench: b, node: node, user: u}
}

// revoke leaves the user without what change takes away, until the test or restore gives
// it back.
func (p *permitted) revoke(change func(*rabbit.User)) {
	p.t.Helper()
	less := p.user
	change(&less)
	p.node.SetPermissions(p.t, less)
	p.t.Cleanup(func() { p.restore() })
}

func (p *permitted) restore() {
	p.t.Helper()
	p.node.SetPermissions(p.t, p.user)
}

// becomesUnready waits until the worker of r is not ready because of want.
func (p *permitted) becomesUnready(r *running, want string) {
	p.t.Helper()
	p.eventually("the worker is not ready", func() bool { return !r.worker.Health().Ready })
	if h := r.worker.Health(); !strings.Contains(strings.Join(h.Reasons, "\n"), want) {
		p.t.Errorf("the reasons are %q, want %q among them", h.Reasons, want)
	}
}

func (p *permitted) losesNoConnection() {
	p.t.Helper()
	if n := p.count(func(e worker.Event) bool { _, is := e.(worker.SessionDown); return is }); n > 0 {
		p.t.Errorf("%d connections were lost, want none", n)
	}
}

// TestAPermissionThatIsRevokedIsAReason until it is given back.
func TestAPermissionThatIsRevokedIsAReason(t *testing.T) {
	t.Parallel()
	rabbit.Waits(t, "10 to 30 seconds until the refusal is noticed")
	runWithNode(t, "to configure", func(t *testing.T, node rabbit.Node) {
		p := newPermitted(t, node)
		r := p.run(nothing)
		p.revoke(func(u *rabbit.User) { u.Configure = "^$" })
		p.becomesUnready(r, "ACCESS_REFUSED")
		refused, ok := errors.AsType[*topology.DeclarationError](r.sub.Health().TopologyErr)
		if state := r.sub.Health().State; !ok || state != worker.StateConsuming {
			t.Errorf("the queue is %v with %v, want consuming with a DeclarationError", state, refused)
		}
		p.publish("key", 1)
		p.verdicts(1)
		p.restore()
		p.eventually("the worker is ready again", func() bool { return r.worker.Health().Ready })
		p.losesNoConnection()
	})
	runWithNode(t, "to write to the dead-letter exchange", func(t *testing.T, node rabbit.Node) {
		p := newPermitted(t, node)
		r := p.run(handler.Func(func(context.Context, *message.Message) error { return retry.Permanent(errBoom) }))
		p.revoke(func(u *rabbit.User) { u.Write = "^(" + p.queue.Name + ".*|warren[.](delay|unrouted).*)$" })
		p.publish("key", 1)
		p.becomesUnready(r, "ACCESS_REFUSED")
		if q := r.sub.Health(); q.Unconfirmed != 1 && q.TopologyErr == nil {
			t.Errorf("%d copies are unconfirmed because of %v, want 1", q.Unconfirmed, q.CopyErr)
		}
		p.restore()
		p.verdicts(1)
		p.deadLetter()
		p.eventually("the worker is ready again", func() bool { return r.worker.Health().Ready })
		p.losesNoConnection()
	})
}

// TestARefusalAfterTheStartIsOfItsQueueAlone: the broker refuses to declare a queue that
// has consumed before.
func TestARefusalAfterTheStartIsOfItsQueueAlone(t *testing.T) {
	withNode(t, func(t *testing.T, node rabbit.Node) {
		p := newPermitted(t, node)
		other := p.queue
		other.Name += "-other"
		t.Cleanup(func() {
			for _, q := range []string{other.Name, topology.DeadLetterQueue(other.Name), topology.ParkingQueue(other.Name)} {
				if _, err := p.channel.QueueDelete(q, false, false, false); err != nil {
					t.Error(err)
				}
			}
		})
		var sub *worker.Subscription
		r := p.runWith(func(w *worker.Worker) {
			sub = w.Queue(other)
			sub.Handle("#", nothing)
		}, map[string]handler.Handler{"#": nothing})
		p.revoke(func(u *rabbit.User) { u.Configure = "^warren[.].*$" })
		if _, err := p.channel.QueueDelete(other.Name, false, false, false); err != nil {
			t.Fatal(err)
		}
		p.eventually("the health says why", func() bool {
			refused, ok := errors.AsType[*topology.DeclarationError](sub.Health().Err)
			return ok && sub.Health().State == worker.StateIdle && refused.Name != p.queue.Name
		})
		p.publish("key", 1)
		p.verdicts(1)
		if state := r.sub.Health().State; state != worker.StateConsuming {
			t.Errorf("the other queue is %v, want consuming", state)
		}
		p.restore()
		p.eventually("both consume", func() bool { return r.worker.Health().Ready })
		p.publish("key", 2)
		p.verdicts(3)
		p.losesNoConnection()
	})
}
