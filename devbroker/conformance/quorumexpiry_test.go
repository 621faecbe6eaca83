package conformance_test

import amqp "github.com/rabbitmq/amqp091-go"

// quorumExpiryScenarios test messages that expire behind others in a quorum queue.
var quorumExpiryScenarios = []scenario{
	{
		name: "what expires waits behind a message of the same priority",
		do:   expiresBehind(false, 4, 4),
		want: `
			q holds 2
			got: a
			q holds 0`,
	},
	{
		name: "what expires behind a returned message",
		do:   expiresBehind(true, 4, 4),
		want: `
			get: a
			q holds 1
			got: a, redelivered
			q holds 0`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				get: a
				q holds 2
				got: a, redelivered
				q holds 0`,
			why: "4.3 looks at the oldest message of each priority, and of what was returned",
		}},
	},
	{
		name: "what expires behind a message of higher priority",
		do:   expiresBehind(false, 5, 3),
		want: `
			q holds 1
			got: a
			q holds 0`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				q holds 2
				got: a
				q holds 0`,
			why: "4.3 looks at the oldest message of each priority, and of what was returned",
		}},
	},
	{
		name: "what expires before a message of lower priority",
		do:   expiresBehind(false, 3, 5),
		want: `
			q holds 1
			got: a
			q holds 0`,
		differ: []difference{{
			versions: "3.10",
			want: `
				q holds 2
				got: a
				q holds 0`,
			why: "3.10 has no priorities in quorum queues",
		}},
	},
	{
		name: "what expires in line behind a returned message and one of its priority",
		do:   expiresBehind(true, 5, 3, 3),
		want: `
			get: a
			q holds 3
			got: a, redelivered
			q holds 0`,
	},
}

// expiresBehind publishes messages with the priorities. The last message expires at once. If
// returned is set, the first message is fetched and requeued before the others are published.
func expiresBehind(returned bool, priorities ...uint8) func(c *client) {
	return func(c *client) {
		c.quorum("q", nil)
		for i, p := range priorities {
			m := amqp.Publishing{Priority: p}
			if i+1 == len(priorities) {
				m.Expiration = "0"
			}
			c.send("", c.at("q"), string(rune('a'+i)), m)
			if i == 0 && returned {
				c.get("q")
				c.nack(1, requeue)
				c.sync()
			}
		}
		c.holds("q", 1)
		c.consume("q", consume{}).take(1)
		c.holds("q", 0)
	}
}
