// Command longjob imports the rows of a file. The first worker is stopped meanwhile, as by a
// deployment, and the second one continues with the next row.
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
	"github.com/warren-mq/warren/checkpoint"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/worker"
)

type file struct {
	Name string `json:"name"`
	Rows int    `json:"rows"`
}

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg := brokerConfig()
	for _, name := range []string{"first", "second"} {
		deployment, next := context.WithCancel(ctx)
		if err := run(deployment, next, stop, cfg, name); err != nil {
			log.Fatal(err) //nolint:gocritic // the process ends
		}
		next()
	}
}

// run runs one worker until ctx ends. The first worker calls end after row 3, as a deployment would
// stop it; the second calls end after the last row. If the file cannot be published, stop ends both.
func run(ctx context.Context, end, stop func(), cfg broker.Config, name string) error {
	w := worker.New(worker.Config{Broker: cfg})
	w.Queue(worker.Queue{Name: "longjob-imports", Timeout: time.Hour}).Handle("#", handler.Typed(func(ctx context.Context, f file) error {
		row := 1
		if _, err := checkpoint.Load(ctx, &row); err != nil {
			return err
		}
		for ; row <= f.Rows; row++ {
			select {
			case <-handler.Stopping(ctx):
				return handler.ErrStopping // no attempt is spent
			case <-time.After(20 * time.Millisecond): // the work
			}
			fmt.Printf("the %s worker imports row %d of %s\n", name, row, f.Name)
			if err := checkpoint.Save(ctx, row+1); err != nil {
				return err
			}
			checkpoint.Progress(ctx, float64(row)/float64(f.Rows))
			if name == "first" && row == 3 {
				end()
				<-handler.Stopping(ctx)
			}
		}
		end()
		return nil
	}))
	if name == "first" {
		go func() {
			<-w.Ready()
			if err := w.Publisher("").Publish(ctx, "longjob-imports", file{"people.csv", 6}); err != nil {
				log.Println(err)
				stop()
			}
		}()
	}
	return w.Run(ctx)
}

// brokerConfig returns how to reach RabbitMQ or, if AMQP_URL is not set, a broker in memory.
func brokerConfig() broker.Config {
	if url := os.Getenv("AMQP_URL"); url != "" {
		return broker.Config{URL: url}
	}
	dev := devbroker.New() // a broker in memory, which ends with the process
	return broker.Config{URL: dev.URL(), Dial: dev.DialContext}
}
