// Package schedule publishes messages periodically, as cron does: one publisher among
// any number of replicas.
//
// Every replica makes the same Scheduler and calls Run, which blocks until its context
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
// One of them leads: it holds the only message of a quorum queue with a single active
// consumer, warren.schedule.token.<name>. The message says how far each entry has come.
// A leader that is gone loses the message, and the broker hands it to the next, which
// goes on where it says. A tick is never older than such a takeover, unless no process
// is there, or none is connected: then the entry's Missed policy counts.
//
// # What is promised
//
// Each tick is published at least once, and always with the same message id, so that
// middleware.Dedupe or the consumer's own table drops the second. As a rule it is
// published once: message and token are written in one transaction, over the channel
// that holds the lead. A process that is killed, or cut off, has done both or neither.
//
// AMQP's transactions cover the life of the broker, not its death. So a tick comes twice
// if the broker is killed, or the only replica cut off, in the moments between a tick
// and the next token; and on RabbitMQ 4.3 if a leader has not renewed its token for the
// consumer timeout (30 min) and publishes at the very moment in which it is replaced.
// Entry.Confirm says what else a transaction does not cover: quorum queues that are full.
// A tick that no queue takes is tried again until one does, and later ticks of the entry
// wait behind it; those of other entries do not.
//
// Ticks are computed from the clocks of the machines: keep them in step. A clock that is
// set back, or a leader's that is behind that of the last, repeats nothing.
package schedule
