// Command fanin makes the thumbnails of an album in parallel, and announces the album once, when
// the last of them has ended.
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

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/outbox"
	"github.com/warren-mq/warren/worker"
)

const dialect = outbox.SQLite

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	at := brokerConfig()
	db, err := sql.Open("sqlite", "file:/fanin.db?vfs=memdb&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err := errors.Join(err, outbox.Migrate(ctx, db, dialect), upload(ctx, db, "a.jpg", "b.jpg", "broken.jpg")); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
	relay := outbox.New(outbox.Config{DB: db, Dialect: dialect, Broker: at})
	w := worker.New(worker.Config{Broker: at})
	w.Queue(worker.Queue{Name: "fanin-photos", Concurrency: 3}).Handle("#", handler.Typed(func(ctx context.Context, photo string) error {
		defer relay.Wake()
		return inTx(ctx, db, func(tx *sql.Tx) error { return thumbnail(ctx, tx, photo) })
	}))
	w.Queue(worker.Queue{Name: "fanin-albums"}).Handle("#", handler.Typed(func(ctx context.Context, album string) error {
		s, _ := outbox.GroupStatusOf(message.FromContext(ctx))
		fmt.Printf("%s is ready: %d of %d photos, %d failed\n", album, s.Done, s.Size, s.Failed)
		stop() // cancels ctx, so that Run drains and returns
		return nil
	}))
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return w.Run(ctx) })
	running.Go(func() error {
		select {
		case <-w.Ready(): // the queues are declared
			return relay.Run(ctx)
		case <-ctx.Done():
			return nil
		}
	})
	if err := running.Wait(); err != nil {
		log.Fatal(err)
	}
}

// thumbnail ends a member of the group. A real handler writes its own rows in tx too.
func thumbnail(ctx context.Context, tx *sql.Tx, photo string) (err error) {
	m := message.FromContext(ctx)
	group := outbox.Group{Dialect: dialect, ID: m.Headers.String("album")}
	if photo == "broken.jpg" {
		fmt.Printf("%s: failed\n", photo)
		_, err = group.Fail(ctx, tx, m.ID)
		return err
	}
	fmt.Printf("%s: done\n", photo)
	_, err = group.Done(ctx, tx, m.ID)
	return err
}
