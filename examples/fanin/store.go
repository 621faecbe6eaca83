package main

import (
	"context"
	"database/sql"
	"errors"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/outbox"
)

// upload opens the group and writes its members in one transaction.
func upload(ctx context.Context, db *sql.DB, photos ...string) error {
	return inTx(ctx, db, func(tx *sql.Tx) error {
		group := outbox.Group{Dialect: dialect, ID: "album-1"}
		_, err := group.Open(ctx, tx, len(photos), outbox.Message{Key: "fanin-albums", Body: "album-1"})
		for _, photo := range photos {
			member := outbox.Message{Key: "fanin-photos", Body: photo, Headers: message.Headers{"album": "album-1"}}
			err = errors.Join(err, outbox.Write(ctx, tx, dialect, member))
		}
		return err
	})
}

// inTx calls do in a transaction, which it commits if do returns nil.
func inTx(ctx context.Context, db *sql.DB, do func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
