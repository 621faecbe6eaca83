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
// database; roll tx back.
//
// On PostgreSQL two transactions that write for the same aggregate wait for each other from
// Write to commit, so call Write late in the transaction. If two transactions take their
// aggregates in different order, PostgreSQL ends one of them with its deadlock error.
func Write(ctx context.Context, tx *sql.Tx, d Dialect, messages ...Message) error {
	if err := d.validate(); err != nil {
		return err
	}
	prepared := make([]*message.Message, len(messages))
	aggregates := make(map[string]bool)
	for i := range messages {
		m, err := messages[i].prepare(ctx)
		if err != nil {
			return explain(&messages[i], err)
		}
		prepared[i] = m
		if a := messages[i].Aggregate; a != "" && d == Postgres {
			aggregates[a] = true
		}
	}
	for _, a := range slices.Sorted(maps.Keys(aggregates)) {
		if _, err := tx.ExecContext(ctx, d.sql(lockAggregate), a); err != nil {
			return fmt.Errorf("outbox: write for aggregate %q: %w", a, err)
		}
	}
	for i, m := range prepared {
		if err := insertRow(ctx, tx, d, messages[i].Aggregate, m); err != nil {
			return explain(&messages[i], err)
		}
	}
	return nil
}

func insertRow(ctx context.Context, tx *sql.Tx, d Dialect, aggregate string, m *message.Message) error {
	props, headers, err := store(m)
	if err != nil {
		return err
	}
	body := m.Body
	if body == nil { // a nil []byte is NULL to a driver
		body = []byte{}
	}
	_, err = tx.ExecContext(ctx, d.sql(insert), m.ID, sql.NullString{String: aggregate, Valid: aggregate != ""},
		m.Exchange, m.RoutingKey, props, headers, body)
	return err
}

func explain(m *Message, err error) error {
	return fmt.Errorf("outbox: write for exchange %q with key %q: %w", m.Exchange, m.Key, err)
}
