package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/warren-mq/warren/message"
)

const insert = `INSERT INTO warren_outbox
	(message_id, aggregate, exchange, routing_key, properties, headers, body, written_at)
	VALUES (?, ?, ?, ?, ?, ?, ?, NOW)`

// lockAggregate makes transactions that write for one aggregate wait for each other's
// commit. Otherwise the order of the rows could differ from the order of the commits.
const lockAggregate = "SELECT pg_advisory_xact_lock(hashtextextended(?, 7301))"

// Write puts messages into the outbox as part of tx: a relay publishes them if and only if
// tx commits. Call Relay.Wake after the commit if they should not wait for the next poll.
// An error means that a message can never be published (broker.ErrMalformed,
// broker.ErrTooLarge, a body that cannot be encoded as JSON), or it is an error of the
// database; roll tx back. A message whose Message.Unique was written before is left out without
// an error; WriteUnique reports it.
//
// On PostgreSQL two transactions that write for the same aggregate wait for each other from
// Write to commit, so call Write late in the transaction. If two transactions take their
// aggregates in different order, PostgreSQL ends one of them with its deadlock error. Both are
// also true of two transactions that write the same Message.Unique.
func Write(ctx context.Context, tx *sql.Tx, d Dialect, messages ...Message) error {
	_, err := write(ctx, tx, d, messages...)
	return err
}

// write returns how many messages it has written: all but the duplicates of Message.Unique.
func write(ctx context.Context, tx *sql.Tx, d Dialect, messages ...Message) (written int, err error) {
	if err := d.validate(); err != nil {
		return 0, err
	}
	all := make([]pending, len(messages))
	for i := range messages {
		out, err := messages[i].prepare(ctx)
		if err != nil {
			return 0, explain(&messages[i], err)
		}
		all[i] = pending{&messages[i], out}
	}
	if all, err = dropDuplicates(ctx, tx, d, all); err != nil {
		return 0, err
	}
	if err := lock(ctx, tx, d, all); err != nil {
		return 0, err
	}
	for _, p := range all {
		if err := insertRow(ctx, tx, d, p.from.Aggregate, p.out); err != nil {
			return 0, explain(p.from, err)
		}
	}
	return len(all), nil
}

// lock takes the locks of the aggregates in order.
func lock(ctx context.Context, tx *sql.Tx, d Dialect, all []pending) error {
	aggregates := make(map[string]bool)
	for _, p := range all {
		if a := p.from.Aggregate; a != "" && d == Postgres {
			aggregates[a] = true
		}
	}
	for _, a := range slices.Sorted(maps.Keys(aggregates)) {
		if _, err := tx.ExecContext(ctx, d.sql(lockAggregate), a); err != nil {
			return fmt.Errorf("outbox: write for aggregate %q: %w", a, err)
		}
	}
	return nil
}

func insertRow(ctx context.Context, tx *sql.Tx, d Dialect, aggregate string, m *message.Message) error {
	values, err := columnsOf(aggregate, m)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, d.sql(insert), values...)
	return err
}

// columnsOf returns the values of a message's columns, in the order of insert.
func columnsOf(aggregate string, m *message.Message) ([]any, error) {
	props, headers, err := store(m)
	if err != nil {
		return nil, err
	}
	body := m.Body
	if body == nil { // a nil []byte is NULL to a driver
		body = []byte{}
	}
	return []any{m.ID, sql.NullString{String: aggregate, Valid: aggregate != ""}, m.Exchange, m.RoutingKey, props, headers, body}, nil
}

func explain(m *Message, err error) error {
	return fmt.Errorf("outbox: write for exchange %q with key %q: %w", m.Exchange, m.Key, err)
}
