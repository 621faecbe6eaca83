package conformance_test

import (
	"fmt"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// carriedScenarios test the counts that a dead letter carries to its next queue. Each name
// begins with the kind of the first queue.
var carriedScenarios = []scenario{
	{
		name: "quorum: nack for good",
		do:   carries("nack for good", "quorum", "quorum"),
		want: `
			quorum 0, new - -
			quorum 1, new - -, redelivered 1 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				quorum 0, new - -
				quorum 1, new - -, redelivered 1 -`,
			why: "3.10 makes a new message of a dead letter",
		}, {
			versions: "4.0",
			want: `
				quorum 0, new - -
				quorum 1, redelivered 1 -, redelivered 1 -`,
			why: "4.0 does not count what is requeued as a failure, and counts each nack for good",
		}},
	},
	{
		name: "quorum: nack, then nack for good",
		do:   carries("nack; nack for good", "quorum", "quorum"),
		want: `
			quorum 0, new - -, redelivered - 1
			quorum 1, new - -, redelivered 1 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				quorum 0, new - -, redelivered 1 -
				quorum 1, new - -, redelivered 1 -`,
			why: "3.10 makes a new message of a dead letter",
		}, {
			versions: "4.0",
			want: `
				quorum 0, new - -, redelivered 1 -
				quorum 1, redelivered 1 -, redelivered 1 -`,
			why: "4.0 does not count what is requeued as a failure, and counts each nack for good",
		}},
	},
	{
		name: "quorum: nack twice, then reject for good",
		do:   carries("nack; nack; reject for good", "quorum", "quorum"), //nolint:dupword // two of them
		want: `
			quorum 0, new - -, redelivered - 1, redelivered - 2
			quorum 1, redelivered 1 1, redelivered 2 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				quorum 0, new - -, redelivered 1 -, redelivered 2 -
				quorum 1, new - -, redelivered 1 -`,
			why: "3.10 makes a new message of a dead letter",
		}, {
			versions: "4.0",
			want: `
				quorum 0, new - -, redelivered 1 -, redelivered 2 -
				quorum 1, redelivered 1 -, redelivered 1 -`,
			why: "4.0 does not count what is requeued as a failure, and counts each nack for good",
		}},
	},
	{
		name: "quorum: reject, close the channel and nack, then nack for good",
		do:   carries("reject; close; nack; nack for good", "quorum", "quorum"),
		want: `
			quorum 0, new - -, redelivered 1 1, redelivered 2 2, redelivered 2 3
			quorum 1, redelivered 2 2, redelivered 3 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				quorum 0, new - -, redelivered 1 -, redelivered 2 -, redelivered 3 -
				quorum 1, new - -, redelivered 1 -`,
			why: "3.10 makes a new message of a dead letter",
		}, {
			versions: "4.0",
			want: `
				quorum 0, new - -, redelivered 1 -, redelivered 2 -, redelivered 3 -
				quorum 1, redelivered 2 -, redelivered 1 -`,
			why: "4.0 does not count what is requeued as a failure, and counts each nack for good",
		}},
	},
	{
		name: "quorum: reject, then through two more quorum queues",
		do:   carries("reject; nack for good", "quorum", "quorum", "quorum"),
		want: `
			quorum 0, new - -, redelivered 1 1
			quorum 1, redelivered 1 1, redelivered 2 1
			quorum 2, redelivered 2 2, redelivered 3 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				quorum 0, new - -, redelivered 1 -
				quorum 1, new - -, redelivered 1 -
				quorum 2, new - -, redelivered 1 -`,
			why: "3.10 makes a new message of a dead letter",
		}, {
			versions: "4.0",
			want: `
				quorum 0, new - -, redelivered 1 -
				quorum 1, redelivered 1 -, redelivered 1 -
				quorum 2, redelivered 2 -, redelivered 1 -`,
			why: "4.0 does not count what is requeued as a failure, and counts each nack for good",
		}},
	},
	{
		name: "quorum: nack, then into a classic queue",
		do:   carries("nack; nack for good", "quorum", "classic"),
		want: `
			quorum 0, new - -, redelivered - 1
			classic 1, new - -, redelivered - -`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				quorum 0, new - -, redelivered 1 -
				classic 1, new - -, redelivered - -`,
			why: "classic queues count failures since 4.3",
		}},
	},
	{
		name: "quorum: reject, then through a classic queue",
		do:   carries("reject; nack for good", "quorum", "classic", "quorum"),
		want: `
			quorum 0, new - -, redelivered 1 1
			classic 1, redelivered - -, redelivered - -
			quorum 2, redelivered 2 2, redelivered 3 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				quorum 0, new - -, redelivered 1 -
				classic 1, new - -, redelivered - -
				quorum 2, new - -, redelivered 1 -`,
			why: "3.10 makes a new message of a dead letter",
		}, {
			versions: "4.0",
			want: `
				quorum 0, new - -, redelivered 1 -
				classic 1, new - -, redelivered - -
				quorum 2, redelivered 1 -, redelivered 1 -`,
			why: "4.0 does not count what is requeued as a failure, and counts each nack for good",
		}},
	},
	{
		name: "classic: nack, then through another classic queue",
		do:   carries("nack; nack for good", "classic", "classic", "quorum"),
		want: `
			classic 0, new - -, redelivered - -
			classic 1, new - -, redelivered - -
			quorum 2, redelivered 1 1, redelivered 2 1`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				classic 0, new - -, redelivered - -
				classic 1, new - -, redelivered - -
				quorum 2, new - -, redelivered 1 -`,
			why: "classic queues count failures since 4.3",
		}},
	},
	{
		name: "classic: reject",
		do:   carries("reject; nack for good", "classic", "quorum"),
		want: `
			classic 0, new - -, redelivered - -
			quorum 1, redelivered 1 1, redelivered 2 1`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				classic 0, new - -, redelivered - -
				quorum 1, new - -, redelivered 1 -`,
			why: "classic queues count failures since 4.3",
		}},
	},
	{
		name: "classic: close the channel",
		do:   carries("close; nack for good", "classic", "quorum"),
		want: `
			classic 0, new - -, redelivered - -
			quorum 1, redelivered 1 1, redelivered 2 1`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				classic 0, new - -, redelivered - -
				quorum 1, new - -, redelivered 1 -`,
			why: "classic queues count failures since 4.3",
		}},
	},
	{
		name: "classic: reject for good",
		do:   carries("reject for good", "classic", "quorum"),
		want: `
			classic 0, new - -
			quorum 1, redelivered 1 1, redelivered 2 1`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				classic 0, new - -
				quorum 1, new - -, redelivered 1 -`,
			why: "classic queues count failures since 4.3",
		}},
	},
}

// carries returns a message to the first queue in each of the ways; the last way dead-letters
// it. In each further queue it rejects the message and then nacks it without requeue. It
// notes the deliveries of each queue.
func carries(ways string, kinds ...string) func(c *client) {
	return func(c *client) {
		for i, kind := range kinds {
			args := table{"x-queue-type": kind}
			if i+1 < len(kinds) {
				args = c.deadTo(fmt.Sprintf("%s %d", kinds[i+1], i+1), args)
			}
			c.declare(fmt.Sprintf("%s %d", kind, i), queue{args: args})
		}
		c.publish(kinds[0]+" 0", "m")
		for i, kind := range kinds {
			name := fmt.Sprintf("%s %d", kind, i)
			var deliveries strings.Builder
			for way := range strings.SplitSeq(ways, "; ") {
				c.ready(name, 1)
				deliveries.WriteString(", " + counts(c.handBack(name, way)))
			}
			c.notef("%s%s", name, deliveries.String())
			ways = "reject; nack for good"
		}
	}
}

// counts describes a message by its redelivered flag, its x-delivery-count and its
// x-acquired-count.
func counts(d amqp.Delivery) string {
	words := []string{"new"}
	if d.Redelivered {
		words[0] = "redelivered"
	}
	for _, name := range []string{"x-delivery-count", "x-acquired-count"} {
		if v, ok := d.Headers[name]; ok {
			words = append(words, fmt.Sprint(v))
		} else {
			words = append(words, "-")
		}
	}
	return strings.Join(words, " ")
}

// handBack receives a message and returns it to the queue.
func (c *client) handBack(name, way string) (d amqp.Delivery) {
	c.t.Helper()
	ch := c.open()
	select {
	case d = <-ch.consume(name, consume{tag: name}).deliveries:
	case <-time.After(patience):
		c.notef("%s: nothing comes", name)
	}
	if way != "close" { // otherwise it would be delivered here again
		ch.fail("cancel", ch.Cancel(name, false))
	}
	switch way {
	case "nack":
		ch.nack(1, requeue)
	case "reject":
		ch.reject(1, requeue)
	case "nack for good":
		ch.nack(1, drop)
	case "reject for good":
		ch.reject(1, drop)
	}
	ch.sync()
	ch.fail("close", ch.Close())
	return d
}
