package dedupe_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"time"

	_ "modernc.org/sqlite"

	"github.com/warren-mq/warren/dedupe"
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
