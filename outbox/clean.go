package outbox

import (
	"context"
	"time"
)

const deletePublished = `DELETE FROM warren_outbox WHERE seq IN (
	SELECT seq FROM warren_outbox WHERE published_at IS NOT NULL AND published_at <= NOW - ?
	ORDER BY published_at LIMIT ? SKIP)`

const deleteKeys = `DELETE FROM warren_outbox_unique WHERE key IN (
	SELECT key FROM warren_outbox_unique WHERE ends_at <= NOW - ? ORDER BY ends_at LIMIT ? SKIP)`

const (
	cleanRows  = 1000 // bounds one deletion, because it delays the writers of SQLite
	cleanEvery = time.Minute
)

// clean deletes, from time to time, rows that were published longer ago than Config.Retention,
// and unique keys whose windows have ended. While there are more of them, each round deletes
// some.
func (r *Relay) clean(ctx context.Context) (err error) {
	every := cleanEvery
	if r.config.Retention >= 0 {
		every = min(r.config.Retention/10, cleanEvery)
	}
	if time.Since(r.cleaned) < every {
		return nil
	}
	var e Cleaned
	if r.config.Retention >= 0 {
		if e.Rows, err = r.delete(ctx, deletePublished, r.config.Retention); err != nil {
			return err
		}
	}
	if e.Keys, err = r.delete(ctx, deleteKeys, 0); err != nil {
		return err
	}
	if max(e.Rows, e.Keys) < cleanRows {
		r.cleaned = time.Now()
	}
	if e != (Cleaned{}) {
		r.emit(e)
	}
	return nil
}

// delete deletes up to cleanRows rows that are older than age.
func (r *Relay) delete(ctx context.Context, query string, age time.Duration) (int64, error) {
	return changed(r.config.DB.ExecContext(ctx, r.sql(query), age.Milliseconds(), cleanRows))
}
