package main

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"

	_ "modernc.org/sqlite"

	"github.com/warren-mq/warren/outbox"
)

// openOutbox opens the database that the publisher writes and all workers relay from.
func openOutbox(dir string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+filepath.Join(dir, "outbox.db")+
		"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)&_pragma=synchronous(normal)&_txlock=immediate")
}

// writeOutbox commits one message.
func writeOutbox(ctx context.Context, db *sql.DB, key string, body []byte) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	err = outbox.Write(ctx, tx, outbox.SQLite, outbox.Message{Exchange: exchange, Key: key, Body: body})
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
