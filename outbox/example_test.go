package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/outbox"
)

// An account and its event are saved in one transaction; the relay publishes the event.
func Example() {
	if err := signUpAndPublish(); err != nil {
		fmt.Println(err)
	}
	// Output: published welcome-email
}

func signUpAndPublish() (err error) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	dev, err := devBroker() // or a RabbitMQ
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	db, remove, err := database()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()

	published := make(chan string)
	relay := outbox.New(outbox.Config{
		DB: db, Dialect: outbox.SQLite, Broker: broker.Config{URL: dev.URL()},
		OnEvent: func(e outbox.Event) {
			if p, ok := e.(outbox.Published); ok {
				published <- p.Key
			}
		},
	})
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(ctx) }()

	if err := signUp(ctx, db, "ada@example.com"); err != nil {
		return err
	}
	relay.Wake()
	fmt.Println("published", <-published)
	stop()
	return <-ended
}

func signUp(ctx context.Context, db *sql.DB, email string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing after a commit
	if _, err := tx.ExecContext(ctx, "INSERT INTO accounts (email) VALUES (?)", email); err != nil {
		return err
	}
	err = outbox.Write(ctx, tx, outbox.SQLite, outbox.Message{
		Key: "welcome-email", Aggregate: email, Body: map[string]string{"email": email},
	})
	if err != nil {
		return err
	}
	return tx.Commit()
}

// database is a file with the tables of the service and of the outbox.
func database() (db *sql.DB, remove func() error, err error) {
	dir, err := os.MkdirTemp("", "outbox")
	if err != nil {
		return nil, nil, err
	}
	db, err = sql.Open("sqlite", "file:"+filepath.Join(dir, "app.db")+
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	if err != nil {
		return nil, nil, err
	}
	remove = func() error { return errors.Join(db.Close(), os.RemoveAll(dir)) }
	if _, err := db.Exec("CREATE TABLE accounts (email TEXT PRIMARY KEY)"); err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	if err := outbox.Migrate(context.Background(), db, outbox.SQLite); err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return db, remove, nil
}

// devBroker is a broker in memory with the queue welcome-email.
func devBroker() (*devbroker.Broker, error) {
	b, err := devbroker.Start(devbroker.Config{})
	if err != nil {
		return nil, err
	}
	conn, err := amqp.Dial(b.URL())
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	ch, err := conn.Channel()
	if err == nil {
		_, err = ch.QueueDeclare("welcome-email", true, false, false, false, nil)
	}
	return b, errors.Join(err, conn.Close())
}

// A second announcement of the same thing adds no message, and its transaction goes on.
func ExampleWriteUnique() {
	db, remove, err := database()
	if err != nil {
		log.Fatal(err)
	}
	announce := func(ctx context.Context) (first bool, err error) {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return false, err
		}
		first, err = outbox.WriteUnique(ctx, tx, outbox.SQLite, outbox.Message{
			Exchange: "events", Key: "report.due", Unique: "report/2026-11-29", UniqueFor: 48 * time.Hour,
		})
		return first, errors.Join(err, tx.Commit())
	}
	for range 2 {
		fmt.Println(announce(context.Background()))
	}
	if err := remove(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// true <nil>
	// false <nil>
}

// The last member writes the callback.
func ExampleGroup() {
	db, remove, err := database()
	if err != nil {
		log.Fatal(err)
	}
	ctx, album := context.Background(), outbox.Group{Dialect: outbox.SQLite, ID: "album-1"}
	inTx := func(do func(*sql.Tx) (bool, error)) (bool, error) {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return false, err
		}
		is, err := do(tx)
		return is, errors.Join(err, tx.Commit())
	}
	fmt.Println(inTx(func(tx *sql.Tx) (bool, error) {
		return album.Open(ctx, tx, 2, outbox.Message{Exchange: "events", Key: "album.ready", Body: "album-1"})
	}))
	for _, photo := range []string{"a.jpg", "a.jpg", "b.jpg"} { // one message is delivered twice
		last, err := inTx(func(tx *sql.Tx) (bool, error) { return album.Done(ctx, tx, photo) })
		fmt.Println(photo, last, err)
	}
	if err := remove(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// true <nil>
	// a.jpg false <nil>
	// a.jpg false <nil>
	// b.jpg true <nil>
}

// The handler of a callback asks how the group went.
func ExampleGroupStatusOf() {
	callback := handler.Typed(func(ctx context.Context, album string) error {
		if s, ok := outbox.GroupStatusOf(message.FromContext(ctx)); ok {
			fmt.Printf("%s: %d of %d photos, %d failed\n", album, s.Done, s.Size, s.Failed)
		}
		return nil
	})
	m := &message.Message{Body: []byte(`"album-1"`), Headers: message.Headers{
		outbox.HeaderGroup: "album-1", outbox.HeaderGroupSize: int64(3), outbox.HeaderGroupDone: int64(2), outbox.HeaderGroupFailed: int64(1),
	}}
	fmt.Println(callback.Handle(message.NewContext(context.Background(), m), m))
	// Output:
	// album-1: 2 of 3 photos, 1 failed
	// <nil>
}
