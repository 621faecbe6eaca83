// Command celery runs the tasks of Celery producers in Go, and publishes tasks as they do. A Python
// program would call
//
//	app = Celery(broker=os.environ["AMQP_URL"])
//	app.conf.task_default_queue = "celery-images"
//	app.send_task("images.resize", ("cat.png",), {"width": 200})
//
// The program publishes this message itself, so that it runs without Python. A Celery worker that
// consumes the queue would run the tasks, too.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/codec/celery"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const queue = "celery-images"

type resize struct {
	File  string `json:"file"`
	Width int    `json:"width"`
}

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var tasks celery.Tasks
	done := make(chan struct{}, 2)
	tasks.Register("images.resize", handler.Typed(func(_ context.Context, r resize) error {
		fmt.Printf("resizing %s to a width of %d\n", r.File, r.Width)
		done <- struct{}{}
		return nil
	}, handler.WithCodec(celery.Arguments("file", "width"))))

	w := worker.New(worker.Config{Broker: brokerConfig()})
	// Celery's producers declare the queue too: classic, durable and without arguments.
	w.Queue(worker.Queue{Name: queue, Exchange: queue, ExchangeKind: "direct", Type: topology.Classic, OnlyArguments: true}).Handle(queue, &tasks)

	go func() {
		defer stop() // cancels ctx, so that Run drains and returns
		<-w.Ready()
		for range call(ctx, w.Publisher(queue)) {
			<-done
		}
	}()
	if err := w.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// call publishes two tasks, and returns how many were published.
func call(ctx context.Context, images *broker.Publisher) (published int) {
	task := broker.WithCodec(celery.Task("images.resize"))
	for _, arguments := range []any{
		celery.Call{Args: []any{"cat.png"}, Kwargs: map[string]int{"width": 200}, Expires: time.Now().Add(time.Hour)},
		resize{File: "hund & ölwanne.png", Width: 300}, // keyword arguments
	} {
		if err := images.Publish(ctx, queue, arguments, task); err != nil {
			log.Println(err)
			return published
		}
		published++
	}
	return published
}

// brokerConfig returns how to reach RabbitMQ or, if AMQP_URL is not set, a broker in memory.
func brokerConfig() broker.Config {
	if url := os.Getenv("AMQP_URL"); url != "" {
		return broker.Config{URL: url}
	}
	dev := devbroker.New() // a broker in memory, which ends with the process
	return broker.Config{URL: dev.URL(), Dial: dev.DialContext}
}
