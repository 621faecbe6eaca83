package claim_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/claim"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// Large bodies go to a folder that publishers and consumers share.
func ExampleEncoding() {
	folder, err := os.MkdirTemp("", "bodies-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()
	store, err := claim.OpenDir(folder)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = store.Close() }()
	bodies := codec.New(handler.JSON(), claim.Encoding(store, claim.Config{MinBytes: 10_000}))
	m := &message.Message{}
	err = bodies.MarshalMessage(context.Background(), m, strings.Repeat("a", 1_000_000))
	fmt.Println(m.ContentEncoding, len(m.Body) < 200, err)

	h := handler.Typed(func(_ context.Context, text string) error {
		fmt.Println(len(text), "letters")
		return nil
	}, handler.WithCodec(bodies))
	fmt.Println(h.Handle(context.Background(), m))
	// Output:
	// claim-check true <nil>
	// 1000000 letters
	// <nil>
}

// Publishers and consumers share a database.
func ExampleNewSQL() {
	db, err := sql.Open("sqlite", "file:/bodies.db?vfs=memdb")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(claim.SQLSchema); err != nil {
		fmt.Println(err)
		return
	}
	store := claim.NewSQL(db)
	bodies := codec.New(handler.Raw(), claim.Encoding(store, claim.Config{MinBytes: -1}))
	m := &message.Message{}
	fmt.Println(bodies.MarshalMessage(context.Background(), m, []byte("a large body")), m.ContentEncoding)

	deleted, err := store.Sweep(context.Background(), 30*24*time.Hour)
	fmt.Println(deleted, err)
	// Output:
	// <nil> claim-check
	// 0 <nil>
}
