// Package deadletter lists, explains, replays, edits and removes the messages in
// dead-letter queues. It talks to RabbitMQ over AMQP alone, and needs neither a database
// nor the management plugin.
//
// When a dead-letter queue fills up, first find out what failed:
//
//	client := deadletter.New(broker.Config{URL: url})
//	queues, err := client.List(ctx, "welcome-email.dlq")             // the number of messages
//	groups, err := client.Groups(ctx, "welcome-email.dlq", all)      // the kinds of failures
//	deadLetter, err := client.Find(ctx, "welcome-email.dlq", id)         // one message, with its history
//
// Then fix the cause, and replay the messages that failed for it, a few of them first:
//
//	filter, err := deadletter.ParseFilter("fingerprint=5b1f0c9e2d7a4463,since=12h")
//	result, err := client.Replay(ctx, "welcome-email.dlq", deadletter.Replay{Filter: filter, Canary: 3, Rate: 50})
//
// [Client.Edit] changes one dead letter before it is replayed. [Client.Discard] and
// [Client.Purge] remove dead letters. [Client.Export] and [Client.Import] move them
// through a file of JSON Lines.
//
// # Guarantees
//
// Reading removes no message, even if the reading process is killed, so you can read a
// queue as often as you like. A read costs the messages that it returns, and up to 2,048
// more to keep the order. The order is kept with one exception. If more than 2,048
// messages were read before, reading a part of the queue moves the messages read behind
// the others, and the next partial read returns those that follow. Reading the whole
// queue, as Groups does, restores the order; so does each replay, edit or discard. Before
// RabbitMQ 4.3 this may leave messages out of order that RabbitMQ itself dead-lettered.
//
// If the reading process is killed, RabbitMQ 3.10 requeues the messages that it held in
// an arbitrary order. No version keeps the order of more than 32 windows of messages, of
// up to 8 MiB each. A queue has one reader at a time: the second waits for 10 s and then
// gets [ErrInspected], which names the first and the time when it began. A replay with a
// Rate lets others read every few seconds.
//
// A replay publishes to the dead letter's own work queue by its name. It does not publish
// to the exchange, which would route the message to other queues as well. The broker
// confirms the message before the dead letter is removed, so a crash cannot lose one. A
// crash can duplicate the messages in progress (128 at most) and those whose removal the
// broker had not yet read. Dead letters that arrive after the call stay, with one
// exception: one of a higher priority is replayed if it has no failure time, or one that
// is ahead of this machine's clock. Body, properties and the user's headers are replayed
// byte for byte, except the expiration and the user id, which move to the headers
// warren-expiration and warren-user-id. The attempts are counted from 1 again.
//
// A cancelled replay, edit or discard keeps the order like a call that reads a part of the
// queue. If a cancelled call cannot requeue its messages within 5 s, it closes its
// connection, and RabbitMQ requeues them as if the process had been killed.
//
// A read receives at most 32 MiB of messages ahead, or one message if that is larger. If
// much larger messages follow small ones, it requeues all messages and reads on in smaller
// windows. The order stays the same.
//
// The package also reads messages that RabbitMQ itself dead-letters (time to live,
// delivery limit, overflow) and messages that others publish to the queue, as far as
// their headers describe them.
package deadletter
