package worker

import "github.com/warren-mq/warren/broker"

// Publisher returns a publisher to the exchange over the worker's publishing
// connection; "" is the default exchange, whose routing keys are queue names. Any
// number of publishers share that one connection, and handlers may use them. Make one
// for each exchange, before or after Run begins. What a handler publishes by Emit is published
// only if the handler succeeds.
//
// Until the connection is up, Publish waits, as it does after a loss: at most
// broker.Config.PublishTimeout, and then returns broker.ErrNotConnected. The connection
// lives until the worker has drained, so a handler can publish during the grace; after
// Run has returned, the error is broker.ErrClosed. Close ends the publisher, and leaves
// the worker's connection open.
func (w *Worker) Publisher(exchange string) *broker.Publisher {
	return broker.PublisherOver(w.connections.sender, exchange)
}
