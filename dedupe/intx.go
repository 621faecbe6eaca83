package dedupe

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/warren-mq/warren/message"
)

// Key returns the key that names m in a store: its queue and its id, so that queues may share a
// store. It is empty if m has no id.
func Key(m *message.Message) string {
	if m.ID == "" {
		return ""
	}
	return m.Queue + "/" + m.ID
}

// InTx handles a message whose effects are rows of one database, SQLite or PostgreSQL, each
// message once: it begins a transaction of db, marks key as handled, calls do and commits. The
// rows of do and the mark are committed together or not at all, also if the process is killed.
// first is false if the key was marked before; do is then not called, and the message can be
// acknowledged.
//
//	first, err := dedupe.InTx(ctx, db, dedupe.Key(message.FromContext(ctx)), func(tx *sql.Tx) error { … })
//
// If do returns an error or panics, or if ctx is done, the transaction is rolled back with the
// mark, so that the next attempt calls do. InTx returns the error of do unchanged. An error of
// the commit may leave open whether the transaction was committed: the mark decides at the next
// attempt. do must not commit or roll back tx, and its effects must be made by tx alone.
//
// Of two transactions with the same key the second waits until the first has ended. On PostgreSQL
// at an isolation level above READ COMMITTED it may then fail with a serialization error, which
// the next attempt resolves. Messages that follow from the rows belong into package outbox, in
// tx; broker.Publisher.Emit publishes after the commit, and do is not called for a duplicate. As with
// middleware.Dedupe, a message whose key is empty is handled each time.
//
// The database must have the table of SQLSchema. SQL.Forget deletes old marks; keep them for
// longer than a message may wait in a queue, a retry or a dead-letter queue. InTx may be used
// inside middleware.Dedupe with the same table and key: it marks a key of its own, so that Dedupe
// still runs the handler again if the handler fails after the commit.
func InTx(ctx context.Context, db *sql.DB, key string, do func(tx *sql.Tx) error) (first bool, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("dedupe: handle %q in a transaction: begin: %w", key, err)
	}
	defer func() { _ = tx.Rollback() }() // returns ErrTxDone after a commit
	if first, err := mark(ctx, tx, key); err != nil || !first {
		return false, err
	}
	if err := do(tx); err != nil {
		return false, err
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("dedupe: handle %q in a transaction: commit: %w", key, err)
	}
	return true, nil
}

// txPrefix begins the keys of InTx. No work queue has a name that begins with "warren.", so
// no key of middleware.Dedupe does.
const txPrefix = "warren.tx/"

// mark marks key as handled in tx, and reports whether tx is the first to do so.
func mark(ctx context.Context, tx *sql.Tx, key string) (first bool, err error) {
	if key == "" {
		return true, nil
	}
	result, err := tx.ExecContext(ctx, `INSERT INTO warren_dedupe (key, token, leased_until, done_at) VALUES ($1, '', 0, $2)
		ON CONFLICT (key) DO NOTHING`, txPrefix+key, time.Now().UnixMilli())
	if err != nil {
		return false, fmt.Errorf("dedupe: handle %q in a transaction: mark: %w", key, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("dedupe: handle %q in a transaction: mark: %w", key, err)
	}
	return n == 1, nil
}
