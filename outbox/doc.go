// Package outbox publishes exactly what a database transaction committed.
//
// A service that saves an account and then publishes an event can be killed between the
// two. With an outbox, both are written in one transaction: the event is a row beside the
// account, and a relay publishes the rows that were committed.
//
// # Prepare
//
// Migrate creates the tables on SQLite or PostgreSQL. Any number of processes may call it:
//
//	err := outbox.Migrate(ctx, db, outbox.Postgres)
//
// Open SQLite with a busy timeout, in WAL mode, and with transactions that take the write
// lock when they begin. For modernc.org/sqlite:
//
//	file:app.db?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_txlock=immediate
//
// # Write
//
//	tx, err := db.BeginTx(ctx, nil)
//	// … INSERT INTO accounts …
//	err = outbox.Write(ctx, tx, outbox.Postgres, outbox.Message{
//		Exchange: "events", Key: "user.signed_up", Aggregate: account.ID, Body: SignedUp{Email: email},
//	})
//	err = tx.Commit()
//	relay.Wake()
//
// Write sets the message's id and its trace context. A Message with a Unique key is written
// once in a window of time, in whatever number of transactions:
//
//	first, err := outbox.WriteUnique(ctx, tx, outbox.Postgres, outbox.Message{
//		Exchange: "events", Key: "report.due", Unique: "report/" + day, UniqueFor: 48 * time.Hour,
//	})
//
// # Groups
//
// A Group has members, messages that are handled in any order by any number of workers, and a
// callback, which the transaction of the last member writes into the outbox:
//
//	group := outbox.Group{Dialect: outbox.Postgres, ID: album}
//	first, err := group.Open(ctx, tx, len(photos), outbox.Message{Exchange: "events", Key: "album.ready", Body: album})
//	// … Write the messages of the photos, with the group's id in a header, and commit.
//
//	// In the handler of a photo, in the transaction of its rows:
//	last, err := group.Done(ctx, tx, message.FromContext(ctx).ID)
//
// # Relay
//
//	relay := outbox.New(outbox.Config{DB: db, Dialect: outbox.Postgres, Broker: broker.Config{URL: url}})
//	err := relay.Run(ctx) // blocks until ctx is done
//
// A relay may run in the service, in a process of its own, or in every replica. Each relay
// leases rows so that no other relay takes them, on PostgreSQL with FOR UPDATE SKIP LOCKED.
// It marks a row once the broker has confirmed its message and routed it to a queue.
//
// # What is promised
//
// A message is published at least once if its transaction was committed, and never if it
// was not. A message arrives twice, with the same id, only if
//
//   - a relay dies, stalls, or does not reach its database for longer than Config.Lease, and
//     another relay claims a row whose message is in flight, or confirmed and not marked;
//   - the connection or the channel is lost while the message is in flight. The relay closes
//     the channel itself if the broker does not confirm a message for ten times
//     Broker.PublishTimeout, the time of an alarm not counted;
//   - a relay is stopped, and the message is not confirmed and marked within the time that
//     Run waits.
//
// At most Config.Batch messages arrive twice each time, and the messages whose confirms were
// late. While a relay waits for a late confirm, it renews the lease of the row and continues
// with other aggregates. It reports lost leases by Interrupted. The consumer should drop the
// second copy, by middleware.Dedupe or its own table.
//
// Messages with the same Aggregate are first published in the order of their commits, for
// any number of relays. The relay that leases an aggregate's oldest row owns the whole
// aggregate, and each message waits for the confirm of the one before. The rows of a relay
// that dies stay leased for Config.Lease.
//
// A message that the broker refuses (no queue is bound, the exchange is missing, the
// queue is full) is tried again with growing pauses, without a limit. It delays only the
// messages of its own aggregate. Failed reports it, Stats counts it, and the columns attempts
// and last_error of its row in warren_outbox show it. To stop the attempts, delete the row.
// Write returns an error for a message that no broker would accept.
package outbox
