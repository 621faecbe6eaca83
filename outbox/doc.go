// Package outbox publishes exactly what a database transaction committed.
//
// A service that saves an account and then publishes an event can be killed between the
// two. With an outbox both are one transaction: the event is a row beside the account,
// and a relay publishes the rows that were committed.
//
// # Prepare
//
// The tables are made once, by any number of processes, on SQLite or PostgreSQL:
//
//	err := outbox.Migrate(ctx, db, outbox.Postgres)
//
// SQLite wants to be opened with a busy timeout, in WAL mode, and with transactions that
// begin by taking the write lock; for modernc.org/sqlite:
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
// The message's id and its trace context are fixed by Write.
//
// # Relay
//
//	relay := outbox.New(outbox.Config{DB: db, Dialect: outbox.Postgres, Broker: broker.Config{URL: url}})
//	err := relay.Run(ctx) // blocks until ctx is done
//
// It may run in the service, in a process of its own, or in every replica. Relays lease
// rows from each other, on PostgreSQL with FOR UPDATE SKIP LOCKED, and mark a row once
// the broker has confirmed its message and routed it to a queue.
//
// # What is promised
//
// What was committed is published at least once, what was not is never published. A
// message comes twice, with the same id, only if
//
//   - a relay dies, stalls, or does not reach its database for longer than Config.Lease, and
//     another relay claims a row whose message is on the wire, or confirmed and not marked;
//   - the connection or the channel is lost with the message on the wire. The relay closes
//     the channel itself if the broker does not confirm a message for ten times
//     Broker.PublishTimeout, the time of an alarm not counted;
//   - a relay is stopped, and the message is not confirmed and marked within the time that
//     Run waits.
//
// At most Config.Batch messages come twice each time, and those whose confirms were late.
// A relay waits for a late confirm: meanwhile it renews the lease of the row and goes on
// with other aggregates. It reports lost leases by Interrupted. Let the consumer drop the
// second copy, by middleware.Dedupe or its own table.
//
// Messages with the same Aggregate are first published in the order of their commits,
// whatever the number of relays: who has leased an aggregate's oldest row has the
// aggregate, and each message waits for the confirm of the one before. A relay that dies
// keeps what it had leased for Config.Lease.
//
// A message that the broker refuses (no queue is bound, the exchange is missing, the
// queue is full) is tried again with growing pauses, without end. It holds up its own
// aggregate and no other. Failed tells of it, Stats counts it, and the columns attempts
// and last_error of its row in warren_outbox show it. To give it up, delete the row. One
// that no broker would take is refused by Write already.
package outbox
