package outbox

import (
	"context"
	"time"
)

const deletePublished = `DELETE FROM warren_outbox WHERE seq IN (
	SELECT seq FROM warren_outbox WHERE published_at IS NOT NULL AND published_at <= NOW - ?
	ORDER BY published_at LIMIT ? SKIP)`

// cleanRows bounds one deletion, because it delays the writers of SQLite.
const cleanRows = 1000

// clean deletes rows that were published longer ago than Config.Retention, from time to
// time. While there are more of them, each round deletes some.
func (r *Relay) clean(ctx context.Context) error {
	every := min(r.config.Retention/10, time.Minute)
	if r.config.Retention < 0 || time.Since(r.cleaned) < every {
		return nil
	}
	result, err := r.config.DB.ExecContext(ctx, r.sql(deletePublished), r.config.Retention.Milliseconds(), cleanRows)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if n < cleanRows {
		r.cleaned = time.Now()
	}
	if n > 0 {
		r.emit(Cleaned{Rows: n})
	}
	return nil
}
