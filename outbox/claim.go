package outbox

import (
	"context"
	"crypto/rand"
	"database/sql"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// claimHeads leases the oldest pending row of each aggregate, and rows without an
// aggregate. It leaves out the rows that the relay holds, because the first copy of such a
// row may be in flight, even if its lease has run out. The relay that leases an aggregate's
// oldest row owns the whole aggregate: its other rows cannot be claimed until the oldest is
// marked. OFFSET 0 has PostgreSQL run the subquery for each row: a join by the aggregate would take
// quadratic time in the size of the backlog. The query begins with the names of a search, and has its condition after the held rows.
const claimHeads = `WITH %s due AS (
	SELECT o.seq FROM warren_outbox o
	WHERE o.published_at IS NULL AND o.next_at <= NOW AND o.leased_until <= NOW
	AND NOT EXISTS (SELECT 1 FROM warren_outbox e
		WHERE e.aggregate = o.aggregate AND e.seq < o.seq AND e.published_at IS NULL ORDER BY e.seq LIMIT 1 OFFSET 0)
	AND o.seq NOT IN %s %s
	ORDER BY o.seq LIMIT ? SKIP)
UPDATE warren_outbox SET lease = ?, leased_until = NOW + ? WHERE seq IN (SELECT seq FROM due)`

// claimRest leases the rows behind the heads, so that every row of a batch has the lease. It fills the
// batch and leases no further rows: the rest of one aggregate must not displace the heads of others.
// Of each aggregate it reads as many rows as it may lease.
const claimRest = `UPDATE warren_outbox SET lease = ?, leased_until = NOW + ? WHERE seq IN (
	SELECT r.seq FROM warren_outbox h JOIN warren_outbox r ON r.aggregate = h.aggregate AND r.seq > h.seq
	AND r.seq < coalesce((SELECT n.seq FROM warren_outbox n WHERE n.aggregate = h.aggregate AND n.seq > h.seq AND n.published_at IS NULL
		ORDER BY n.seq LIMIT 1 OFFSET ?), 9223372036854775807)
	WHERE h.lease = ? AND h.published_at IS NULL AND r.published_at IS NULL ORDER BY r.seq LIMIT ?)`

// anyDue is queried first, because on SQLite an idle relay must not take the lock of
// writers.
const anyDue = `SELECT EXISTS (SELECT 1 FROM warren_outbox
	WHERE published_at IS NULL AND next_at <= NOW AND leased_until <= NOW)`

const columns = `r.seq, coalesce(r.aggregate, ''), r.attempts, NOW - r.written_at,
	r.message_id, r.exchange, r.routing_key, r.properties, r.headers, r.body`

const readBatch = `SELECT ` + columns + ` FROM warren_outbox r
WHERE r.lease = ? AND r.published_at IS NULL ORDER BY 1 LIMIT ?`

// row is a message that waits to be published.
type row struct {
	seq       int64
	aggregate string
	attempts  int
	waited    time.Duration
	message   message.Message
	unread    error             // why the row cannot be read as a message
	span      trace.SpanContext // in which the message was written; publishing changes the headers
}

// batch is a set of rows that a relay has leased together.
type batch struct {
	lease string
	until time.Time // when the lease ends, or a bit earlier
	rows  []row     // oldest first
}

// claim leases due rows and reads them. If one of these fails, neither takes effect.
func (r *Relay) claim(ctx context.Context) (b batch, err error) {
	b.lease = rand.Text()
	var due bool
	if err := r.config.DB.QueryRowContext(ctx, r.sql(anyDue)).Scan(&due); err != nil || !due {
		return b, err
	}
	held := r.held.list()
	tx, err := r.config.DB.BeginTx(ctx, nil)
	if err != nil {
		return b, err
	}
	b.until = time.Now().Add(r.config.Lease) // on SQLite the wait for the lock does not count
	defer func() {
		if err != nil || len(b.rows) == 0 {
			_ = tx.Rollback() // nothing was written, or the error before it says more
			return
		}
		if err = tx.Commit(); err == nil {
			r.held.add(&b)
		}
	}()
	b.rows, err = r.claimIn(ctx, tx, b.lease, held)
	return b, err
}

func (r *Relay) claimIn(ctx context.Context, tx *sql.Tx, lease string, held []any) ([]row, error) {
	limit, length := r.config.Batch, r.config.Lease.Milliseconds()
	heads, err := r.claimHeads(ctx, tx, lease, held)
	if err != nil || heads == 0 {
		return nil, err
	}
	if rest := limit - heads; rest > 0 {
		if _, err := tx.ExecContext(ctx, r.sql(claimRest), lease, length, rest, lease, rest); err != nil {
			return nil, err
		}
	}
	rows, err := tx.QueryContext(ctx, r.sql(readBatch), lease, limit)
	if err != nil {
		return nil, err
	}
	return r.scan(rows)
}

func (r *Relay) scan(rows *sql.Rows) (all []row, err error) {
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	for rows.Next() {
		var one row
		var props, headers string
		var waited int64
		m := &one.message
		if err := rows.Scan(&one.seq, &one.aggregate, &one.attempts, &waited,
			&m.ID, &m.Exchange, &m.RoutingKey, &props, &headers, &m.Body); err != nil {
			return nil, err
		}
		one.waited = time.Duration(waited) * time.Millisecond
		one.unread = restore(m, props, headers)
		one.span = telemetry.Creation(r.config.Broker.Propagator, m.Headers)
		all = append(all, one)
	}
	return all, rows.Err()
}

// groups splits the rows by aggregate, in order. A row without an aggregate is a group of
// its own.
func (b *batch) groups() (all [][]row) {
	place := make(map[string]int)
	for _, one := range b.rows {
		at, known := place[one.aggregate]
		if known && one.aggregate != "" {
			all[at] = append(all[at], one)
			continue
		}
		place[one.aggregate] = len(all)
		all = append(all, []row{one})
	}
	return all
}
