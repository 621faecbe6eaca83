// Package worker moves messages from RabbitMQ through handlers and tells the
// broker what became of them.
//
// A program makes a Worker, registers its queues and their handlers, and calls
// Run, which blocks until its context is done and then drains:
//
//	w := worker.New(worker.Config{Broker: broker.Config{URL: url}})
//	welcome := w.Queue(worker.Queue{Name: "welcome-email", Exchange: "events", Concurrency: 8})
//	welcome.Handle("user.signed_up", handler.Typed(sendWelcome))
//	err := w.Run(ctx)
//
// What a handler returns decides: nil is acknowledged, an error is tried again
// after the queue's policy and dead-lettered at its end, and the marks of package
// retry say more. A handler never acknowledges.
package worker
