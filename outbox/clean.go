package outbox

import (
	"context"
	"errors"
	"fmt"
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

// clean deletes, from time to time, rows that were published and groups that were closed longer
// ago than Config.Retention, and unique keys whose windows have ended. While there are more of
// them, each round deletes some. The round reports a deletion that failed, and publishes. All
// deletions are tried again after cleanEvery.
func (r *Relay) clean(ctx context.Context) {
	every := cleanEvery
	if r.config.Retention >= 0 {
		every = min(r.config.Retention/10, cleanEvery)
	}
	if time.Since(r.cleaned) < every {
		return
	}
	var e Cleaned
	var members int64
	var failed error
	for _, old := range []struct {
		query string
		age   time.Duration
		rows  *int64
	}{
		{deletePublished, r.config.Retention, &e.Rows},
		{deleteKeys, 0, &e.Keys},
		{deleteMembers, r.config.Retention, &members},
		{deleteGroups, r.config.Retention, &e.Groups},
	} {
		if old.age < 0 {
			continue
		}
		n, err := changed(r.config.DB.ExecContext(ctx, r.sql(old.query), old.age.Milliseconds(), cleanRows))
		*old.rows, failed = n, errors.Join(failed, err)
	}
	switch {
	case failed != nil:
		r.cleaned = time.Now().Add(cleanEvery - every)
		r.note(fmt.Errorf("outbox: delete old rows: %w", failed))
	case max(e.Rows, e.Keys, members, e.Groups) < cleanRows:
		r.cleaned = time.Now()
	}
	if e != (Cleaned{}) {
		r.emit(e)
	}
}
