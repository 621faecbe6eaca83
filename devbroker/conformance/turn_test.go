package conformance_test

// turnScenarios test which consumer receives the next message.
var turnScenarios = []scenario{
	{
		name: "a consumer whose prefetch is used up loses its turn to one that begins meanwhile",
		do: func(c *client) {
			for _, kind := range kinds {
				k1, k2 := c.fullAndFree(kind)
				k1.ack(1)
				k1.sync()
				for _, body := range []string{"b", "c", "d"} {
					c.publish(kind, body)
					nextOf(k1, k2)
				}
			}
		},
		want: `
			classic full: a
			classic full: b
			classic free: c
			classic free: d
			quorum full: a
			quorum free: b
			quorum full: c
			quorum free: d`,
	},
	{
		name: "a consumer that was passed over has its turn after the others",
		do: func(c *client) {
			for _, kind := range kinds {
				k1, k2 := c.fullAndFree(kind)
				c.publish(kind, "b")
				nextOf(k1, k2)
				k1.ack(1)
				k1.sync()
				for _, body := range []string{"c", "d"} {
					c.publish(kind, body)
					nextOf(k1, k2)
				}
			}
		},
		want: `
			classic full: a
			classic free: b
			classic free: c
			classic full: d
			quorum full: a
			quorum free: b
			quorum free: c
			quorum full: d`,
	},
}

// fullAndFree starts a consumer with a prefetch of 1 that holds a, and then one without
// a limit.
func (c *client) fullAndFree(kind string) (full, free *consumer) {
	c.t.Helper()
	c.declare(kind, queue{args: table{"x-queue-type": kind}})
	ch := c.open()
	ch.qos(1, false)
	full = ch.consume(kind, consume{tag: kind + " full"})
	c.publish(kind, "a")
	full.take(1)
	return full, c.open().consume(kind, consume{tag: kind + " free"})
}
