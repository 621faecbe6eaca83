package console_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/warren-mq/warren/console"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestDeadLettersInAQueueOfAnotherName: the console finds it by the topology, or by what the
// processes announce.
func TestDeadLettersInAQueueOfAnotherName(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"topology", "announcements"} {
		t.Run("by the "+by, func(t *testing.T) {
			t.Parallel()
			var letters topology.DeadLetters
			b := newBench(t, func(c *console.Config) {
				name := c.Topology().Queues[1].Name
				letters.Queue = name + "-graveyard"
				known := topology.WorkQueue{Name: name, DeadLetters: letters}.Topology()
				if by == "announcements" {
					known = topology.Topology{}
				}
				c.Topology = func() topology.Topology { return known }
			})
			b.dlq = letters.Queue
			var mended atomic.Bool
			b.run(func(context.Context, *message.Message) error {
				if mended.Load() {
					return nil
				}
				return retry.Permanent(errors.New("card was declined"))
			}, func(q *worker.Queue) { q.DeadLetters = letters })
			b.publish("one")
			b.publish("two")
			b.state("the dead letters are counted", func(s queueState) bool { return s.Dead == 2 })
			if all := b.letters("?fresh=1"); len(all.Groups) != 1 || all.Groups[0].Count != 2 {
				t.Errorf("the groups are %+v, want one of 2 dead letters", all.Groups)
			}
			if page := b.page("deadletters/" + b.queue + "/discard"); !strings.Contains(page, b.dlq) {
				t.Errorf("the page does not show the queue %s from which messages are removed:\n%s", b.dlq, page)
			}
			if status, d := b.act("deadletters/"+b.queue+"/discard", map[string]any{"all": true, "confirm": b.queue}); status != http.StatusBadRequest || !strings.Contains(d.Error, b.dlq) {
				t.Errorf("status %d, %s; want 400, because the name of the dead-letter queue confirms", status, d.Error)
			}
			mended.Store(true)
			if j := b.job(b.must("deadletters/"+b.queue+"/replay", map[string]any{"all": true})); j.Done != 2 {
				t.Errorf("the replay is %+v, want 2 done", j)
			}
			if n := rabbit.Depth(t, b.channel, b.dlq); n != 0 {
				t.Errorf("%d dead letters are left, want none", n)
			}
		})
	}
}

// TestDeadLettersThatAreNotKept: the page says so, instead of an empty table.
func TestDeadLettersThatAreNotKept(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *console.Config) {
		known := topology.WorkQueue{Name: c.Topology().Queues[1].Name, DeadLetters: topology.DeadLetters{Discard: true}}.Topology()
		c.Topology = func() topology.Topology { return known }
	})
	status, text := b.request(http.MethodGet, "deadletters/"+b.queue, nil)
	if status != http.StatusNotFound || !strings.Contains(text, "are not kept in a queue that the console can read") {
		t.Errorf("status %d: %s; want 404 with the reason", status, text)
	}
	b.run(func(context.Context, *message.Message) error { return nil }, func(q *worker.Queue) { q.DeadLetters.Discard = true })
	b.state("the queue is consumed", func(s queueState) bool { return s.Consumers == 1 })
	if page := b.page("queues/" + b.queue); !strings.Contains(page, "not kept in a queue that the console can read") {
		t.Errorf("the page of the queue does not say that its dead letters are not kept:\n%s", page)
	}
}
