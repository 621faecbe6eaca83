package members

// QueueName returns the name of the queue of this process.
func (g *Group) QueueName() string { return queuePrefix + g.self }
