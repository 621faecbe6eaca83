package dedupe_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"time"

	_ "modernc.org/sqlite"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/message"
)

// A store in a database is shared by all processes.
func ExampleNewSQL() {
	db, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := db.Exec(dedupe.SQLSchema); err != nil {
		log.Fatal(err)
	}
	claim, _, err := dedupe.NewSQL(db).Claim(context.Background(), "018f3c", time.Minute)
	fmt.Println(claim == dedupe.Won, err)
	// Output:
	// true <nil>
}

// The effect of a handler and the mark of its message are committed together. The second
// delivery of the message makes no second effect.
func ExampleInTx() {
	db, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(dedupe.SQLSchema + "; CREATE TABLE payments (cents BIGINT)"); err != nil {
		log.Fatal(err)
	}
	ctx := message.NewContext(context.Background(), &message.Message{Queue: "payments", ID: "018f3c"})
	pay := func(ctx context.Context, cents int64) (first bool, err error) {
		return dedupe.InTx(ctx, db, dedupe.Key(message.FromContext(ctx)), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO payments (cents) VALUES ($1)", cents)
			return err
		})
	}
	for range 2 {
		fmt.Println(pay(ctx, 4200))
	}
	// Output:
	// true <nil>
	// false <nil>
}

// A key names the queue and the message. A message without an id has no key.
func ExampleKey() {
	fmt.Println(dedupe.Key(&message.Message{Queue: "payments", ID: "018f3c"}))
	fmt.Printf("%q\n", dedupe.Key(&message.Message{Queue: "payments"}))
	// Output:
	// payments/018f3c
	// ""
}

// The second claim of a key finds the first one.
func ExampleNewMemory() {
	store := dedupe.NewMemory(time.Hour, 100_000)
	for range 2 {
		claim, _, err := store.Claim(context.Background(), "018f3c", time.Minute)
		fmt.Println(claim == dedupe.Won, claim == dedupe.Busy, err)
	}
	// Output:
	// true false <nil>
	// false true <nil>
}
