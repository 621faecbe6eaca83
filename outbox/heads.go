package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// searched bounds one search: of rows in oldest, of aggregates in byName. Each is fast where the other
// is slow: oldest for a backlog of many aggregates, and byName for few aggregates with many rows, such as
// one whose head is refused again and again.
const searched = 1000

// search is where claimHeads looks for rows.
type search struct{ names, condition string }

// oldest searches the oldest pending rows.
var oldest = search{"", fmt.Sprintf(`AND o.seq <= coalesce((SELECT w.seq FROM warren_outbox w
	WHERE w.published_at IS NULL ORDER BY w.seq LIMIT 1 OFFSET %d), 9223372036854775807)`, searched-1)}

// named lists the aggregates that have pending rows with their oldest rows, in the order of their
// names, without reading their other rows. The last name is null if these are all.
var named = fmt.Sprintf(`RECURSIVE name (aggregate, seq, n) AS (
	SELECT (SELECT o.aggregate FROM warren_outbox o WHERE o.published_at IS NULL AND o.aggregate IS NOT NULL ORDER BY o.aggregate, o.seq LIMIT 1),
		(SELECT o.seq FROM warren_outbox o WHERE o.published_at IS NULL AND o.aggregate IS NOT NULL ORDER BY o.aggregate, o.seq LIMIT 1), 1
	UNION ALL
	SELECT (SELECT o.aggregate FROM warren_outbox o WHERE o.published_at IS NULL AND o.aggregate > name.aggregate ORDER BY o.aggregate, o.seq LIMIT 1),
		(SELECT o.seq FROM warren_outbox o WHERE o.published_at IS NULL AND o.aggregate > name.aggregate ORDER BY o.aggregate, o.seq LIMIT 1), n + 1
	FROM name WHERE name.aggregate IS NOT NULL AND n <= %d)`, searched)

// byName searches the oldest row of each aggregate that named lists, and the oldest due rows without
// an aggregate.
var byName = search{
	named + fmt.Sprintf(`, head (seq) AS (
	SELECT name.seq FROM name WHERE name.seq IS NOT NULL
	UNION ALL
	SELECT a.seq FROM (SELECT o.seq FROM warren_outbox o
		WHERE o.aggregate IS NULL AND o.published_at IS NULL AND o.next_at <= NOW AND o.leased_until <= NOW ORDER BY o.seq LIMIT %d) a),`, searched),
	"AND o.seq IN (SELECT seq FROM head)",
}

// countNames returns how many aggregates named lists: more than searched if it does not list all.
var countNames = "WITH " + named + " SELECT count(aggregate) FROM name"

// anyFurther asks whether oldest has left out pending rows. Usually it has not.
var anyFurther = fmt.Sprintf(`SELECT EXISTS (SELECT 1 FROM warren_outbox
	WHERE published_at IS NULL ORDER BY seq LIMIT 1 OFFSET %d)`, searched)

// claimHeads leases heads, at most a batch of them, and returns their number.
func (r *Relay) claimHeads(ctx context.Context, tx *sql.Tx, lease string, held []any) (claimed int, err error) {
	claim := func(s search, limit int) (int, error) {
		query := r.sql(fmt.Sprintf(claimHeads, s.names, seqs(len(held)), s.condition))
		n, err := changed(tx.ExecContext(ctx, query, append(slices.Clip(held), limit, lease, r.config.Lease.Milliseconds())...))
		return int(n), err
	}
	claimed, err = claim(oldest, r.config.Batch)
	if err != nil || claimed == r.config.Batch {
		return claimed, err
	}
	var some bool
	if err := tx.QueryRowContext(ctx, r.sql(anyFurther)).Scan(&some); err != nil || !some {
		return claimed, err
	}
	var names int
	if err := tx.QueryRowContext(ctx, r.sql(countNames)).Scan(&names); err != nil {
		return 0, err
	}
	further := byName
	if names > searched {
		further = search{} // all rows, until there are enough heads
	}
	n, err := claim(further, r.config.Batch-claimed)
	return claimed + n, err
}
