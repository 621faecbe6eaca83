package outbox

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/message"
)

const (
	defaultUniqueFor = 24 * time.Hour
	maxUnique        = 255 // bytes of a key
)

// claimKey changes one row if the key is new or its window has ended, and none otherwise. It
// waits for a transaction that has written the key and has not ended. A conflict is not an
// error, because PostgreSQL would abort the transaction.
const claimKey = `INSERT INTO warren_outbox_unique (key, ends_at) VALUES (?, NOW + ?)
	ON CONFLICT (key) DO UPDATE SET ends_at = excluded.ends_at WHERE warren_outbox_unique.ends_at <= NOW`

// WriteUnique writes m as Write does, and reports whether m was written. first is false if a
// message with the same key, Message.Unique, was written before and its window has not ended.
// It is true if m has no key.
func WriteUnique(ctx context.Context, tx *sql.Tx, d Dialect, m Message) (first bool, err error) {
	n, err := write(ctx, tx, d, m)
	return n == 1, err
}

// pending is a message that is to be written.
type pending struct {
	from *Message
	out  *message.Message
}

// dropDuplicates returns all without the messages whose keys were written before. It takes the
// keys in order, so that two transactions do not wait for each other.
func dropDuplicates(ctx context.Context, tx *sql.Tx, d Dialect, all []pending) ([]pending, error) {
	var keyed []pending
	for _, p := range all {
		if p.from.Unique != "" {
			keyed = append(keyed, p)
		}
	}
	slices.SortStableFunc(keyed, func(a, b pending) int { return cmp.Compare(a.from.Unique, b.from.Unique) })
	duplicates := make(map[*Message]bool)
	for _, p := range keyed {
		window := cmp.Or(p.from.UniqueFor, defaultUniqueFor).Milliseconds()
		n, err := changed(tx.ExecContext(ctx, d.sql(claimKey), p.from.Unique, max(window, 1)))
		if err != nil {
			return nil, explain(p.from, fmt.Errorf("unique key %q: %w", p.from.Unique, err))
		}
		duplicates[p.from] = n == 0
	}
	return slices.DeleteFunc(all, func(p pending) bool { return duplicates[p.from] }), nil
}

// changed returns the number of rows that a statement has changed.
func changed(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (m *Message) checkUnique() error {
	switch {
	case len(m.Unique) > maxUnique:
		return fmt.Errorf("%w: the unique key has %d bytes, want at most %d", broker.ErrMalformed, len(m.Unique), maxUnique)
	case m.UniqueFor < 0:
		return fmt.Errorf("%w: the unique window is %v, want 0 or more", broker.ErrMalformed, m.UniqueFor)
	}
	return nil
}
