package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
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
