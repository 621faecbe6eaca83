package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/retry"
)

const (
	markPublished = "UPDATE warren_outbox SET published_at = NOW, lease = NULL WHERE published_at IS NULL AND seq IN "
	markFailed    = "UPDATE warren_outbox SET attempts = attempts + 1, last_error = ?, next_at = NOW + ? WHERE seq = ? AND lease = ?"
	release       = "UPDATE warren_outbox SET lease = NULL, leased_until = 0 WHERE lease = ? AND seq NOT IN "
)

// maxError bounds the error text that is stored, in bytes.
const maxError = 2 << 10

// mark stores the outcome of the batch and releases its rows that are not in flight. It
// tries for the length of a lease, because a lost mark leads to a duplicate.
func (r *Relay) mark(ctx context.Context, b *batch, o *outcome) error {
	marking, cancel := context.WithTimeout(ctx, r.config.Lease)
	defer cancel()
	pauses := retry.Policy{InitialInterval: 50 * time.Millisecond, MaxInterval: time.Second}
	for attempt := 1; ; attempt++ {
		err := r.markOnce(marking, b, o)
		if err == nil {
			return nil
		}
		if !pace.Wait(marking, pauses, attempt) {
			return fmt.Errorf("outbox: mark %d published messages: %w", len(o.published), err)
		}
	}
}

func (r *Relay) markOnce(ctx context.Context, b *batch, o *outcome) error {
	if err := r.held.lock(ctx); err != nil {
		return err
	}
	defer r.held.unlock()
	err := r.inTx(ctx, func(tx *sql.Tx) error { return r.markAll(ctx, tx, b, o) })
	if err == nil {
		r.held.keep(b, o.open)
	}
	return err
}

func (r *Relay) markAll(ctx context.Context, tx *sql.Tx, b *batch, o *outcome) error {
	published := make([]any, len(o.published))
	for i := range o.published {
		published[i] = o.published[i].seq
	}
	if _, err := tx.ExecContext(ctx, r.sql(markPublished+seqs(len(published))), published...); err != nil {
		return err
	}
	for _, f := range o.failed {
		_, err := tx.ExecContext(ctx, r.sql(markFailed), storable(f.err), f.pause.Milliseconds(), f.row.seq, b.lease)
		if err != nil {
			return err
		}
	}
	args := []any{b.lease}
	for seq := range o.open {
		args = append(args, seq)
	}
	_, err := tx.ExecContext(ctx, r.sql(release+seqs(len(o.open))), args...)
	return err
}

// storable returns the error's text in a form that every database accepts.
func storable(err error) string {
	text := strings.ReplaceAll(err.Error(), "\x00", "")
	return strings.ToValidUTF8(text[:min(len(text), maxError)], "")
}

func (r *Relay) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := r.config.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the error before it says more
		return err
	}
	return tx.Commit()
}

// reportLate emits an event for each message whose confirm is late.
func (r *Relay) reportLate(open map[int64]row) {
	for _, l := range open {
		m := &l.message
		r.emit(Late{ID: m.ID, Exchange: m.Exchange, Key: m.RoutingKey, Aggregate: l.aggregate, Span: l.span})
	}
}

// report emits the events of the outcome, once it is marked.
func (r *Relay) report(o *outcome) {
	for _, p := range o.published {
		m := &p.message
		r.emit(Published{
			ID: m.ID, Exchange: m.Exchange, Key: m.RoutingKey, Aggregate: p.aggregate, Waited: p.waited, Span: p.span,
		})
	}
	for _, f := range o.failed {
		m := &f.row.message
		r.emit(Failed{
			ID: m.ID, Exchange: m.Exchange, Key: m.RoutingKey, Aggregate: f.row.aggregate,
			Attempts: f.row.attempts + 1, Pause: f.pause, Err: f.err, Span: f.row.span,
		})
	}
}
