package worker_test

import (
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	fleetwire "github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/worker"
)

// TestAlarmsDoNotHoldUpAWorkerThatAnnouncesItself: it handles and acks what the queue has, and
// stops at once. When the alarm is over, it announces itself again.
func TestAlarmsDoNotHoldUpAWorkerThatAnnouncesItself(t *testing.T) {
	withNode(t, func(t *testing.T, node rabbit.Node) {
		b := newBenchAt(t, node.URL())
		o := b.operate(b.url)
		r := b.run(nothing, inFleet)
		o.must(fleetwire.Command{Name: fleetwire.Pause, Queue: b.queue.Name})
		for i := range 50 {
			b.publish("key", i)
		}
		node.Block(t)
		t.Cleanup(func() { node.Unblock(t) })
		r.sub.Resume()
		began := time.Now()
		b.verdicts(50)
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("50 messages took %v during the alarm, want a moment", took)
		}
		for _, s := range b.settled() {
			if s.SettleErr != nil {
				t.Errorf("message %s was settled with %v", s.Message.ID, s.SettleErr)
			}
		}
		node.Unblock(t)
		o.sees("the queue again", func(_ fleetwire.Seen, q fleetwire.Queue) bool { return q.State == "consuming" })
		began = time.Now()
		if err := r.finish(); err != nil || time.Since(began) > 20*time.Second {
			t.Errorf("the stop took %v and returned %v", time.Since(began), err)
		}
	})
}

// TestAWorkerWithoutPermissionForTheFleetWorks and does not announce itself.
func TestAWorkerWithoutPermissionForTheFleetWorks(t *testing.T) {
	withNode(t, func(t *testing.T, node rabbit.Node) {
		p := newPermitted(t, node)
		o := p.operate(node.URL())
		p.revoke(func(u *rabbit.User) { u.Configure = "^(warren[.](dlx|delay|due|unrouted).*|" + p.queue.Name + ".*)$" })
		p.run(nothing, inFleet)
		for i := range 20 {
			p.publish("key", strconv.Itoa(i))
		}
		p.verdicts(20)
		if s, ok := o.find(); ok {
			t.Errorf("the process announces itself as %+v, want nothing", s.Announcement)
		}
		p.losesNoConnection()
	})
}

// TestAnExchangeThatRefusesAnnouncementsCostsFewChannels: the broker closes a channel for each
// announcement that the user may not publish.
func TestAnExchangeThatRefusesAnnouncementsCostsFewChannels(t *testing.T) {
	withNode(t, func(t *testing.T, node rabbit.Node) {
		p := newPermitted(t, node)
		p.revoke(func(u *rabbit.User) {
			u.Write = "^(amq[.]default|warren[.](dlx|delay|unrouted).*|" + p.queue.Name + ".*)$"
		})
		log := new(lines)
		p.run(nothing, inFleet, func(c *worker.Config) { c.Logger = slog.New(slog.NewTextHandler(log, nil)) })
		refused := func() int { return strings.Count(log.String(), "cannot announce itself") }
		p.eventually("the refusal is logged", func() bool { return refused() > 0 })
		for i := range 100 {
			p.publish("key", i)
		}
		p.verdicts(100)
		if n := refused(); n != 1 {
			t.Errorf("the refusal is logged %d times, want once:\n%s", n, log)
		}
		p.losesNoConnection()
	})
}
