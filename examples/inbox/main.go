// Command inbox stores each payment once, although its handler fails and its message is repeated:
// the handler's row and the mark of the message are committed together.
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
	"time"

	_ "modernc.org/sqlite" // registers the database driver "sqlite"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	db, err := sql.Open("sqlite", "file:/inbox.db?vfs=memdb&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err == nil {
		_, err = db.ExecContext(ctx, dedupe.SQLSchema+"; CREATE TABLE payments (cents BIGINT)")
	}
	if err != nil {
		log.Fatal(err)
	}
	handled := make(chan struct{}, 3)
	w := worker.New(worker.Config{Broker: brokerConfig()})
	q := w.Queue(worker.Queue{Name: "inbox-payments", Retry: retry.Policy{InitialInterval: 100 * time.Millisecond}})
	q.Handle("#", handler.Typed(func(ctx context.Context, cents int64) error {
		m := message.FromContext(ctx)
		first, err := store(ctx, db, m, cents)
		fmt.Printf("%s, attempt %d: stored %v, error %v\n", m.ID, m.Attempt, first, err)
		if err == nil {
			handled <- struct{}{}
		}
		return err
	}))

	go func() {
		defer stop() // cancels ctx, so that Run drains and returns
		<-w.Ready()
		for range 3 {
			if err := w.Publisher("").Publish(ctx, "inbox-payments", 500, broker.WithMessageID("payment-1")); err != nil {
				log.Println(err)
				return
			}
			<-handled
		}
		var rows, cents int
		err := db.QueryRowContext(ctx, "SELECT count(*), sum(cents) FROM payments").Scan(&rows, &cents)
		fmt.Printf("payments: %d row, %d cents, error %v\n", rows, cents, err)
	}()
	if err := w.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// store stores the payment of m, and reports whether it was the first to do so.
func store(ctx context.Context, db *sql.DB, m *message.Message, cents int64) (first bool, err error) {
	return dedupe.InTx(ctx, db, dedupe.Key(m), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO payments (cents) VALUES ($1)", cents); err != nil {
			return err
		}
		if m.Attempt == 1 {
			return errors.New("something after the INSERT fails")
		}
		return nil
	})
}
