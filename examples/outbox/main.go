// Command outbox publishes an event if and only if the transaction of a sign-up commits.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite" // registers the database driver "sqlite"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/outbox"
	"github.com/warren-mq/warren/worker"
)

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	at := brokerConfig()
	db, err := sql.Open("sqlite", "file:/outbox.db?vfs=memdb&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err := errors.Join(err, outbox.Migrate(ctx, db, outbox.SQLite), signUp(ctx, db, "Bob", false), signUp(ctx, db, "Ada", true)); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}

	w := worker.New(worker.Config{Broker: at})
	w.Queue(worker.Queue{Name: "outbox-welcome"}).Handle("#", handler.Typed(func(_ context.Context, name string) error {
		fmt.Printf("worker: welcome, %s\n", name)
		stop()
		return nil
	}))
	relay := outbox.New(outbox.Config{DB: db, Dialect: outbox.SQLite, Broker: at}) // usually another process
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return w.Run(ctx) })
	running.Go(func() error {
		select {
		case <-w.Ready(): // the queue is declared
			return relay.Run(ctx)
		case <-ctx.Done():
			return nil
		}
	})
	if err := running.Wait(); err != nil {
		log.Fatal(err)
	}
}

// signUp writes the event. A real service saves the account in the same transaction.
func signUp(ctx context.Context, db *sql.DB, name string, commit bool) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	event := outbox.Message{Key: "outbox-welcome", Aggregate: name, Body: name}
	if err := outbox.Write(ctx, tx, outbox.SQLite, event); err != nil || !commit {
		fmt.Printf("%s: rolled back\n", name)
		return errors.Join(err, tx.Rollback())
	}
	fmt.Printf("%s: committed\n", name)
	return tx.Commit()
}

// brokerConfig returns how to reach RabbitMQ or, if AMQP_URL is not set, a broker in memory.
func brokerConfig() broker.Config {
	if url := os.Getenv("AMQP_URL"); url != "" {
		return broker.Config{URL: url}
	}
	dev := devbroker.New() // a broker in memory, which ends with the process
	return broker.Config{URL: dev.URL(), Dial: dev.DialContext}
}
