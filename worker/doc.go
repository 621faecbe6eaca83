// Package worker consumes messages from RabbitMQ, runs their handlers, and settles each
// message by its outcome.
//
// A program makes a Worker, registers its queues and their handlers, and calls
// Run, which blocks until its context is done and then drains:
//
//	w := worker.New(worker.Config{Broker: broker.Config{URL: url}})
//	welcome := w.Queue(worker.Queue{Name: "welcome-email", Exchange: "events", Concurrency: 8})
//	welcome.Handle("user.signed_up", handler.Typed(sendWelcome))
//	err := w.Run(ctx)
//
// What a handler returns decides the outcome. With nil the message is acknowledged; with an
// error it is retried by the queue's policy, and dead-lettered when no attempt is left. The
// marks of package retry ask for other outcomes. A handler never acknowledges.
package worker
