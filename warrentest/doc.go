// Package warrentest tests handlers and workers without an installed broker: the real worker
// runs on a broker in memory that behaves like RabbitMQ, in real or virtual time.
//
// To test a handler alone, call it by [Handle], which decodes the body and returns the error
// of the handler:
//
//	err := warrentest.Handle(t, handler.Typed(sendWelcome), SignedUp{Email: "alice@example.com"})
//
// [Call] also returns the reply of a handler that is made by handler.Replies, or the error that its
// caller gets.
//
// To test retries, dead letters and the other features of a worker, run the worker. [NewBroker]
// starts a broker, [Run] runs a worker on it, and both end with the test:
//
//	b := warrentest.NewBroker(t)
//	run := warrentest.Run(t, newWorker(b.Config())) // the worker.Worker of your program
//
//	b.Publish("events", "user.signed_up", SignedUp{Email: "alice@example.com"})
//	b.WaitIdle()
//
// Tests do not sleep: [Broker.WaitIdle] waits until all messages are handled, and
// [Running.WaitSettled] waits for a number of outcomes. Outcomes are plain values:
//
//	got := run.Outcomes("welcome-email")
//	want := []warrentest.Outcome{
//		{Attempt: 1, Verdict: worker.Retry, Reason: message.ReasonError, Delay: time.Hour},
//		{Attempt: 2, Verdict: worker.Ack},
//	}
//	if !slices.Equal(got, want) {
//		t.Errorf("got %v, want %v", got, want)
//	}
//
// [Broker.DeadLetters] returns the dead letters with their reasons, [Broker.Waiting] the ready
// messages of a queue, [Running.Emitted] what the handlers of a queue emitted, and
// [Running.Events] all events of the worker.
//
// # The virtual clock
//
// In a bubble of [testing/synctest] that hour takes no real time, and [Running.Delays] and
// time.Since are exact. Create the broker, the worker and the publishers inside the bubble:
//
//	func TestWelcome(t *testing.T) {
//		synctest.Test(t, func(t *testing.T) {
//			b := warrentest.NewBroker(t)
//			…
//		})
//	}
//
// The clock advances when every goroutine of the bubble waits for it, for a channel, or for
// another goroutine. It stops while a handler reads from a network or waits for a lock. The
// broker's limits use the same clock: as with RabbitMQ, a handler that takes half an hour loses
// its delivery, unless devbroker.Config.ConsumerTimeout is longer. A policy randomizes its
// delays; to get the same delays each time, set RandomizationFactor to a negative number.
//
// # Faults
//
// A [Broker] has the methods of devbroker.Broker. They can cut connections (Drop,
// CloseConnections), lose confirms and acks (Inject), block publishers (Block) and hold
// back messages (Pause):
//
//	b.Inject(devbroker.Fault{On: devbroker.OnAck, Times: 1, Do: devbroker.Drop})
//
// # Other brokers
//
// [Run] and [Running] work with any broker, including a RabbitMQ: configure the worker with its
// URL, and wait with [Running.WaitSettled].
package warrentest
