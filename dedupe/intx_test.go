package dedupe_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/sqlite"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
)

// TestAHandlerThatFailsAfterItsTransactionRunsAgain within Dedupe, and its transaction does not.
func TestAHandlerThatFailsAfterItsTransactionRunsAgain(t *testing.T) {
	t.Parallel()
	db := sqlite.Open(t, filepath.Join(t.TempDir(), "handled.db"), dedupe.SQLSchema+"; CREATE TABLE effects (key TEXT)")
	errAfter, rows, runs := errors.New("after the commit"), 0, 0
	h := middleware.Dedupe(dedupe.NewSQL(db))(handler.Func(func(ctx context.Context, m *message.Message) error {
		_, err := dedupe.InTx(ctx, db, dedupe.Key(m), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO effects (key) VALUES ('x')")
			return err
		})
		if runs++; err == nil && runs == 1 {
			return errAfter
		}
		return err
	}))
	m := &message.Message{Queue: "q", ID: "1"}
	for i, want := range []error{errAfter, nil, nil} {
		if err := h.Handle(t.Context(), m); !errors.Is(err, want) {
			t.Errorf("attempt %d: got %v, want %v", i+1, err, want)
		}
	}
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM effects").Scan(&rows); err != nil || rows != 1 || runs != 2 {
		t.Errorf("%d rows after %d runs, %v; want 1 row after 2 runs", rows, runs, err)
	}
}
