package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"time"

	"github.com/warren-mq/warren/message"
)

// Headers of a callback, which hold the state of its group. They belong to the message: copies for
// a retry and dead letters keep them.
const (
	HeaderGroup       = "warren-group"        // the id
	HeaderGroupSize   = "warren-group-size"   // how many members the group has
	HeaderGroupDone   = "warren-group-done"   // how many are done
	HeaderGroupFailed = "warren-group-failed" // how many have failed
)

// GroupStatusOf returns the state of the group whose callback m is, and false if m is not the
// callback of a group. Done and Failed together are less than Size if the group was closed by Close.
func GroupStatusOf(m *message.Message) (s GroupStatus, ok bool) {
	s = GroupStatus{ID: m.Headers.String(HeaderGroup), Closed: true}
	for name, n := range map[string]*int{HeaderGroupSize: &s.Size, HeaderGroupDone: &s.Done, HeaderGroupFailed: &s.Failed} {
		v, known := m.Headers.Int(name)
		if !known || s.ID == "" {
			return GroupStatus{}, false
		}
		*n = int(v)
	}
	return s, true
}

func (s GroupStatus) headers() message.Headers {
	return message.Headers{
		HeaderGroup: s.ID, HeaderGroupSize: int64(s.Size), HeaderGroupDone: int64(s.Done), HeaderGroupFailed: int64(s.Failed),
	}
}

// stored returns the callback's columns. The headers of the state are in it from the start, so that
// the limit of a message's size is checked with them.
func (g Group) stored(ctx context.Context, callback Message) ([]any, error) {
	at := callback.Timestamp
	headers := maps.Clone(callback.Headers)
	if headers == nil {
		headers = message.Headers{}
	}
	maps.Copy(headers, GroupStatus{ID: g.ID}.headers())
	callback.Headers = headers
	m, err := callback.prepare(ctx)
	if err != nil {
		return nil, err
	}
	m.Timestamp = at // zero: the time of the callback
	return columnsOf(callback.Aggregate, m)
}

const closeGroup = `UPDATE warren_outbox_group SET closed_at = NOW WHERE id = ? AND closed_at IS NULL
	RETURNING size, done, failed, coalesce(aggregate, ''), message_id, exchange, routing_key, properties, headers, body`

// callBack closes the group, whose row tx has locked, and writes the callback.
func (g Group) callBack(ctx context.Context, tx *sql.Tx) error {
	s := GroupStatus{ID: g.ID}
	var m message.Message
	var aggregate, props, headers string
	err := tx.QueryRowContext(ctx, g.Dialect.sql(closeGroup), g.ID).Scan(&s.Size, &s.Done, &s.Failed,
		&aggregate, &m.ID, &m.Exchange, &m.RoutingKey, &props, &headers, &m.Body)
	if err != nil {
		return fmt.Errorf("write the callback: %w", err)
	}
	if err := restore(&m, props, headers); err != nil {
		return err
	}
	maps.Copy(m.Headers, s.headers())
	if m.Timestamp.IsZero() {
		m.Timestamp = time.Now()
	}
	from := &Message{Exchange: m.Exchange, Key: m.RoutingKey, Aggregate: aggregate}
	if err := lock(ctx, tx, g.Dialect, []pending{{from, &m}}); err != nil {
		return err
	}
	if err := insertRow(ctx, tx, g.Dialect, aggregate, &m); err != nil {
		return explain(from, err)
	}
	return nil
}

const deleteMembers = `DELETE FROM warren_outbox_member WHERE (group_id, member) IN (
	SELECT m.group_id, m.member FROM warren_outbox_group g JOIN warren_outbox_member m ON m.group_id = g.id
	WHERE g.closed_at <= NOW - ? LIMIT ? SKIP)`

const deleteGroups = `DELETE FROM warren_outbox_group WHERE id IN (
	SELECT g.id FROM warren_outbox_group g WHERE g.closed_at <= NOW - ?
	AND NOT EXISTS (SELECT 1 FROM warren_outbox_member m WHERE m.group_id = g.id)
	ORDER BY g.closed_at LIMIT ? SKIP)`
