package conformance_test

import "time"

// singleActiveScenarios test a single active consumer that is cancelled while it holds
// messages.
var singleActiveScenarios = []scenario{
	{
		name: "a waiting consumer of a single active queue counts as a consumer",
		do: func(c *client) {
			for _, kind := range kinds {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-single-active-consumer": true}})
				c.consume(kind, consume{tag: kind + " k1"})
				c.open().consume(kind, consume{tag: kind + " k2"})
				c.sync()
				c.notef("%s has %d consumers", kind, c.declare(kind, queue{passive: true}).Consumers)
			}
		},
		want: `
			classic has 2 consumers
			quorum has 1 consumers`,
	},
	{
		name: "prefetch 0, the next consumer on the same channel",
		do:   cancelsActive(0, false),
		want: `
			classic k1: a b c d e
			cancelled
			classic k2:
			acked a
			classic k2:
			requeued b
			classic k2: b
			quorum k1: a b c d e
			cancelled
			quorum k2:
			acked a
			quorum k2:
			requeued b
			quorum k2: b`,
	},
	{
		name: "prefetch 0, the next consumer on another channel",
		do:   cancelsActive(0, true),
		want: `
			classic k1: a b c d e
			cancelled
			classic k2:
			acked a
			classic k2:
			requeued b
			classic k2: b
			quorum k1: a b c d e
			cancelled
			quorum k2:
			acked a
			quorum k2:
			requeued b
			quorum k2: b`,
	},
	{
		name: "prefetch 1, the next consumer on the same channel",
		do:   cancelsActive(1, false),
		want: `
			classic k1: a
			cancelled
			classic k2: b
			acked a
			classic k2:
			quorum k1: a
			cancelled
			quorum k2: b
			acked a
			quorum k2:`,
		differ: []difference{{
			versions: "3.10",
			want: `
				classic k1: a
				cancelled
				classic k2:
				acked a
				classic k2:
				quorum k1: a
				cancelled
				quorum k2: b
				acked a
				quorum k2:`,
			why: "a classic queue of 3.10 leaves what is ready until something is requeued",
		}},
	},
	{
		name: "prefetch 1, the next consumer on another channel",
		do:   cancelsActive(1, true),
		want: `
			classic k1: a
			cancelled
			classic k2: b
			acked a
			classic k2:
			quorum k1: a
			cancelled
			quorum k2: b
			acked a
			quorum k2:`,
		differ: []difference{{
			versions: "3.10",
			want: `
				classic k1: a
				cancelled
				classic k2:
				acked a
				classic k2:
				quorum k1: a
				cancelled
				quorum k2: b
				acked a
				quorum k2:`,
			why: "a classic queue of 3.10 leaves what is ready until something is requeued",
		}},
	},
	{
		name: "prefetch 2, the next consumer on the same channel",
		do:   cancelsActive(2, false),
		want: `
			classic k1: a b
			cancelled
			classic k2: c d
			acked a
			classic k2:
			requeued b
			classic k2:
			quorum k1: a b
			cancelled
			quorum k2: c d
			acked a
			quorum k2:
			requeued b
			quorum k2:`,
		differ: []difference{{
			versions: "3.10",
			want: `
				classic k1: a b
				cancelled
				classic k2:
				acked a
				classic k2:
				requeued b
				classic k2: b c
				quorum k1: a b
				cancelled
				quorum k2: c d
				acked a
				quorum k2:
				requeued b
				quorum k2:`,
			why: "a classic queue of 3.10 leaves what is ready until something is requeued",
		}},
	},
	{
		name: "prefetch 2, the next consumer on another channel",
		do:   cancelsActive(2, true),
		want: `
			classic k1: a b
			cancelled
			classic k2: c d
			acked a
			classic k2:
			requeued b
			classic k2:
			quorum k1: a b
			cancelled
			quorum k2: c d
			acked a
			quorum k2:
			requeued b
			quorum k2:`,
		differ: []difference{{
			versions: "3.10",
			want: `
				classic k1: a b
				cancelled
				classic k2:
				acked a
				classic k2:
				requeued b
				classic k2: b c
				quorum k1: a b
				cancelled
				quorum k2: c d
				acked a
				quorum k2:
				requeued b
				quorum k2:`,
			why: "a classic queue of 3.10 leaves what is ready until something is requeued",
		}},
	},
}

var kinds = []string{"classic", "quorum"}

// cancelsActive cancels a single active consumer that holds messages, and notes what the
// next consumer gets: at once, when the first message is acked, and when the second, if
// there is one, is requeued.
func cancelsActive(prefetch int, otherChannel bool) func(c *client) {
	return func(c *client) {
		for _, kind := range kinds {
			c.declare(kind, queue{args: table{"x-queue-type": kind, "x-single-active-consumer": true}})
			first := c.open()
			second := first
			if otherChannel {
				second = c.open()
			}
			first.qos(prefetch, false)
			second.qos(prefetch, false)
			k1 := first.consume(kind, consume{tag: kind + " k1"})
			k2 := second.consume(kind, consume{tag: kind + " k2"})
			c.publish(kind, "a", "b", "c", "d", "e")
			k1.all()
			first.fail("cancel", first.Cancel(k1.tag, false))
			c.notef("cancelled")
			k2.all()
			first.ack(1)
			c.notef("acked a")
			k2.all()
			if prefetch != 1 {
				first.nack(2, requeue)
				c.notef("requeued b")
				k2.all()
			}
		}
	}
}

// all notes messages until no more arrive.
func (k *consumer) all() {
	k.t.Helper()
	bodies := ""
	for {
		select {
		case d, ok := <-k.deliveries:
			if !ok {
				k.notef("%s:%s, deliveries end", k.label(), bodies)
				return
			}
			bodies += " " + string(d.Body)
		case <-time.After(2 * nothing):
			k.notef("%s:%s", k.label(), bodies)
			return
		}
	}
}
