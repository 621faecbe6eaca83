// Command priorities shows how urgent messages overtake other messages in the same queue.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	w := worker.New(worker.Config{Broker: brokerConfig()})
	handled := make(chan struct{}, 100)

	mails := w.Queue(worker.Queue{Name: "priorities-mails", Exchange: "priorities", MaxPriority: 5})
	mails.Handle("mail", handler.Typed(func(ctx context.Context, subject string) error {
		fmt.Printf("sending %q, priority %d\n", subject, message.FromContext(ctx).Priority)
		handled <- struct{}{}
		return nil
	}))
	mails.Pause() // the queue is declared, and consumed after Resume

	go func() {
		defer stop() // cancels ctx, so that Run drains and returns
		<-w.Ready()
		pub := w.Publisher("priorities")
		for _, mail := range []struct {
			subject  string
			priority uint8
		}{
			{"newsletter, part 1", 0}, {"newsletter, part 2", 0}, {"invoice", 3}, {"password reset", 5},
		} {
			fmt.Printf("publishing %q\n", mail.subject)
			if err := pub.Publish(ctx, "mail", mail.subject, broker.WithPriority(mail.priority)); err != nil {
				log.Println(err)
				return
			}
		}
		mails.Resume()
		for range 4 {
			<-handled
		}
	}()
	if err := w.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// brokerConfig returns how to reach RabbitMQ or, if AMQP_URL is not set, a broker in memory.
func brokerConfig() broker.Config {
	if url := os.Getenv("AMQP_URL"); url != "" {
		return broker.Config{URL: url}
	}
	dev := devbroker.New() // a broker in memory, which ends with the process
	return broker.Config{URL: dev.URL(), Dial: dev.DialContext}
}
