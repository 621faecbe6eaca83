// Package console serves web pages on which an operator sees what the workers of a RabbitMQ
// virtual host do, and acts on it: processes and queues, messages in hand, dead letters,
// delayed messages, schedules and the topology. Each page and each action is also a JSON API
// below api/.
//
// A Console needs neither a database nor the management plugin. It listens to the
// announcements of package fleet, asks the broker for counts over AMQP, and reads dead
// letters with package deadletter. It connects when a page is requested, and disconnects
// when no page was requested for a while.
//
//	c, err := console.New(console.Config{Broker: cfg, Token: token, Control: true})
//	http.Handle("/console/", c)
//	go c.Run(ctx)
package console
