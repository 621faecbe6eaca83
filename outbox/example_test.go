package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"path/filepath"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/outbox"
)

// An account and its event are saved in one transaction; the relay publishes the event.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	dev, url := devBroker()
	defer dev.Close()
	dir, err := os.MkdirTemp("", "outbox")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "app.db")+
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE TABLE accounts (email TEXT PRIMARY KEY)"); err != nil {
		log.Fatal(err)
	}
	if err := outbox.Migrate(ctx, db, outbox.SQLite); err != nil {
		log.Fatal(err)
	}

	published := make(chan outbox.Published)
	relay := outbox.New(outbox.Config{
		DB: db, Dialect: outbox.SQLite, Broker: broker.Config{URL: url},
		OnEvent: func(e outbox.Event) {
			if p, ok := e.(outbox.Published); ok {
				published <- p
			}
		},
	})
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(ctx) }()

	if err := signUp(ctx, db, "ada@example.com"); err != nil {
		log.Fatal(err)
	}
	relay.Wake()
	fmt.Println("published", (<-published).Key)
	stop()
	fmt.Println(<-ended)
	// Output:
	// published welcome-email
	// <nil>
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

// devBroker is a broker in memory with the queue welcome-email.
func devBroker() (b *devbroker.Broker, url string) {
	b, err := devbroker.Start(devbroker.Config{})
	if err != nil {
		log.Fatal(err)
	}
	conn, err := amqp.Dial(b.URL())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		log.Fatal(err)
	}
	if _, err := ch.QueueDeclare("welcome-email", true, false, false, false, nil); err != nil {
		log.Fatal(err)
	}
	return b, b.URL()
}
