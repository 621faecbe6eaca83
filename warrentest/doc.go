// Package warrentest tests handlers and workers without a broker to install: the real
// worker runs against RabbitMQ's behaviour in memory, on a clock that waits for nobody.
//
// A handler alone is called by [Handle], which decodes the body and returns what the
// handler does:
//
//	err := warrentest.Handle(t, handler.Typed(sendWelcome), SignedUp{Email: "alice@example.com"})
//
// For retries, dead letters and everything else that a worker does, run one. [NewBroker]
// starts a broker, [Run] a worker with it, and both end with the test:
//
//	b := warrentest.NewBroker(t)
//	run := warrentest.Run(t, newWorker(b.Config())) // the worker.Worker of your program
//
//	b.Publish("events", "user.signed_up", SignedUp{Email: "alice@example.com"})
//	b.WaitIdle()
//
// Nothing sleeps: [Broker.WaitIdle] waits until all is dealt with, [Running.WaitSettled]
// for so many outcomes. What happened is there as plain values:
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
// [Broker.DeadLetters] has what was given up on, and why. [Broker.Waiting] has what
// nobody has received yet, and [Running.Events] all that the worker told.
//
// # The virtual clock
//
// In a bubble of [testing/synctest] that hour takes no time, and [Running.Delays] and
// time.Since are exact. Make broker, worker and publishers inside it:
//
//	func TestWelcome(t *testing.T) {
//		synctest.Test(t, func(t *testing.T) {
//			b := warrentest.NewBroker(t)
//			…
//		})
//	}
//
// The clock goes on when everyone in the bubble waits for it, for a channel, or for
// another goroutine: not while a handler reads from a network or waits for a lock. The
// broker's limits are on that clock too: a handler that takes half an hour loses its
// delivery, as with RabbitMQ, unless devbroker.Config.ConsumerTimeout says otherwise. The
// delays of a policy are spread at random: for the same ones each time, make its
// RandomizationFactor negative.
//
// # When things go wrong
//
// A [Broker] is a devbroker.Broker, and so it loses connections (Drop,
// CloseConnections), confirms and acks (Inject), blocks publishers (Block) and holds
// messages back (Pause):
//
//	b.Inject(devbroker.Fault{On: devbroker.OnAck, Times: 1, Do: devbroker.Drop})
//
// # Other brokers
//
// [Run] and what it returns work with any broker, a RabbitMQ included: give the worker
// its URL, and wait with [Running.WaitSettled].
package warrentest
