// Package deadletter finds, explains and mends what was given up on: the messages in
// dead-letter queues, straight on RabbitMQ, with no database and no management plugin.
//
// A dead-letter queue fills up at night. First see what it is:
//
//	letters := deadletter.New(broker.Config{URL: url})
//	queues, err := letters.List(ctx, "welcome-email.dlq")             // how many
//	groups, err := letters.Groups(ctx, "welcome-email.dlq", all)      // of which kinds
//	letter, err := letters.Find(ctx, "welcome-email.dlq", id)         // one, with its history
//
// Then mend the cause, and bring back what failed for it, a few first:
//
//	filter, err := deadletter.ParseFilter("fingerprint=5b1f0c9e2d7a4463,since=12h")
//	result, err := letters.Replay(ctx, "welcome-email.dlq", deadletter.Replay{Filter: filter, Canary: 3, Rate: 50})
//
// [Client.Edit] changes one letter before it is replayed, [Client.Discard] and
// [Client.Purge] remove, [Client.Export] and [Client.Import] move letters through a
// file of JSON Lines.
//
// # What can be relied on
//
// Looking removes nothing, whatever becomes of the process that looks: a queue can be
// looked at as often as you like. A look costs what it reads, and up to 2,048 letters
// more to keep the order. The order is kept with one exception: if more than 2,048
// letters were looked at before, a look at a part of them puts what it took behind the
// others, and the next such look shows the letters that follow. The next look at the
// whole queue, such as Groups, restores the order, and so does each replay, edit or
// discard. Before 4.3 it may leave letters out of order that RabbitMQ itself
// dead-lettered.
//
// If the process that looks is killed, RabbitMQ 3.10 puts back what it held in no order,
// and no version keeps the order of more than 32 windows of messages, of up to 8 MiB
// each. There is one look into a queue at a time; the second waits for 10 s and then
// gets [ErrInspected], which says who looks and since when. A replay with a Rate
// lets others look every few seconds.
//
// A replay goes to the letter's own work queue and to no other, never to the exchange,
// which would serve it to every other queue as well. It is confirmed by the broker
// before the dead letter is removed: a crash can make doubles of the letters that were
// under way (128 at most) or whose removal the broker had not yet read, and cannot
// lose one. Letters that arrive after the call are
// left alone. Body, properties and the user's headers are the same byte for byte, but for
// the expiration and the user id, which stand in the headers warren-expiration and
// warren-user-id; the attempts are counted anew.
//
// What RabbitMQ itself dead-letters (time to live, delivery limit, overflow) and what
// others put into the queue are read too, with what their headers tell.
package deadletter
