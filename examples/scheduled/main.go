// Command scheduled runs a job once each second, although two schedulers are running.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/schedule"
	"github.com/warren-mq/warren/worker"
)

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	at := brokerConfig()
	w := worker.New(worker.Config{Broker: at})
	reports := 0 // the queue's concurrency is 1, so one handler runs at a time
	w.Queue(worker.Queue{Name: "scheduled-reports"}).Handle("#", handler.Func(func(_ context.Context, m *message.Message) error {
		fmt.Println("report for", m.Headers.String(schedule.HeaderTick))
		if reports++; reports == 3 {
			stop()
		}
		return nil
	}))

	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return w.Run(ctx) })
	for _, replica := range []string{"replica 1", "replica 2"} { // in production, two processes
		s := schedule.New(schedule.Config{
			Name: "scheduled", Broker: at,
			Entries: []schedule.Entry{{Name: "report", Cron: "@every 1s", Key: "scheduled-reports", Missed: schedule.Skip}},
			OnEvent: func(e schedule.Event) {
				if e, ok := e.(schedule.Changed); ok && e.Role == schedule.RoleLeader {
					fmt.Println(replica, "publishes the ticks")
				}
			},
		})
		running.Go(func() error {
			select {
			case <-w.Ready(): // the queue is declared
				return s.Run(ctx)
			case <-ctx.Done():
				return nil
			}
		})
	}
	if err := running.Wait(); err != nil {
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
