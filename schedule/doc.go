// Package schedule publishes messages periodically, as cron does. Of any number of
// replicas, one publishes.
//
// Every replica creates the same Scheduler and calls Run, which blocks until its context
// is done:
//
//	s := schedule.New(schedule.Config{
//		Name:   "reports",
//		Broker: broker.Config{URL: url},
//		Entries: []schedule.Entry{
//			{Name: "nightly", Cron: "0 3 * * *", Timezone: "Europe/Rome", Exchange: "events", Key: "report.nightly"},
//		},
//	})
//	err := s.Run(ctx)
//
// One replica is the leader: it holds the token, which is the only message of a quorum
// queue with a single active consumer, warren.schedule.token.<name>. The token records
// the last tick published of each entry. If the leader stops or loses its connection, the
// broker delivers the token to another replica, which continues from there. A tick is
// delayed by such a takeover at most, unless no replica is running and connected. Then
// the entry's Missed policy applies.
//
// Scheduler.RunNow publishes the message of an entry apart from its ticks.
//
// # Guarantees
//
// Each tick is published at least once, and always with the same message id, so that
// middleware.Dedupe or the consumer's own table can drop a duplicate. Usually it is
// published once: message and token are written in one transaction, over the channel that
// holds the token. If the process is killed or disconnected, both are written or neither.
//
// The token also counts a tick that no queue accepted, or that a crash of the broker has
// lost, because AMQP transactions do not survive one. Therefore the leader stores the token
// again right after each tick. If the leader is killed or disconnected before that, or the
// broker crashes, the next leader publishes the tick again. Normally, these are a few
// milliseconds after each tick.
//
// On RabbitMQ 4.3 a tick is also published twice if a leader has not renewed its token for
// the consumer timeout (30 min) and publishes at the moment in which it is replaced.
// Transactions do not cover full quorum queues either: see Entry.Confirm. If no
// queue accepts a tick, the scheduler retries until one does. Later ticks of that entry
// wait; other entries continue.
//
// Ticks are computed from the clocks of the machines, so keep the clocks synchronized. If
// a clock is set back, or a new leader's clock is behind the last leader's, no tick is
// repeated.
package schedule
