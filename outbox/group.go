package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/warren-mq/warren/broker"
)

// ErrNoGroup says that a group does not exist: it was not opened, or it was closed longer ago
// than Config.Retention, and a relay has deleted it.
var ErrNoGroup = errors.New("outbox: the group does not exist")

const maxID = 255 // bytes of the id of a group or of a member

// Group is a set of messages, its members, and a callback: a message that is written into the
// outbox once, in the transaction in which the last member ends.
//
// A member ends when its handler calls Done or Fail in the transaction of its own rows. A member
// that is retried or dead-lettered has not ended, so the group stays open, and a replay of the
// dead letter can still end it. To count a member as failed instead, call Fail in a transaction of
// its own before the handler returns retry.Permanent. An operator closes a group whose
// members will not all end by Close. The callback has the counts in its headers: see GroupStatusOf.
//
// Members that end at the same time wait for each other on PostgreSQL, from Done to the commit, so
// call Done late in the transaction. At an isolation level above READ COMMITTED the second then
// fails with a serialization error, which the next attempt resolves. A Group is safe for
// concurrent use.
type Group struct {
	Dialect Dialect
	ID      string // at most 255 bytes
}

// GroupStatus is the state of a group.
type GroupStatus struct {
	ID     string
	Size   int  // number of members
	Done   int  // members that ended with Done
	Failed int  // members that ended with Fail
	Closed bool // the callback has been written
}

const openGroup = `INSERT INTO warren_outbox_group
	(id, size, opened_at, message_id, aggregate, exchange, routing_key, properties, headers, body)
	VALUES (?, ?, NOW, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`

// Open creates the group as part of tx, usually the transaction that writes its members. size is
// how many members it has; with 0 the callback is written at once. The callback has the trace
// context of Open, and its Unique must be empty. If the group exists already, Open changes nothing,
// and first is false: write the members only if first is true.
func (g Group) Open(ctx context.Context, tx *sql.Tx, size int, callback Message) (first bool, err error) {
	first, err = g.open(ctx, tx, size, callback)
	return first, g.explain("open", err)
}

// Done ends a member as part of tx, and counts it as done. member is the id of the member in the
// group, usually the id of its message, in at most 255 bytes. A second Done of the same member changes nothing, so
// a message may be delivered twice. last reports whether this call has written the callback.
//
// Done of a member that has failed counts it as done instead. In a closed group Done and Fail still
// count, and do not write a second callback. The error is ErrNoGroup if there is no such group; roll
// tx back after each error.
func (g Group) Done(ctx context.Context, tx *sql.Tx, member string) (last bool, err error) {
	last, err = g.end(ctx, tx, member, false)
	return last, g.explain("end a member of", err)
}

// Fail ends a member as part of tx, and counts it as failed. It changes nothing if the member has
// ended already.
func (g Group) Fail(ctx context.Context, tx *sql.Tx, member string) (last bool, err error) {
	last, err = g.end(ctx, tx, member, true)
	return last, g.explain("end a member of", err)
}

// Close writes the callback as part of tx, although members have not ended. It returns false if the
// group is closed already.
func (g Group) Close(ctx context.Context, tx *sql.Tx) (closed bool, err error) {
	closed, err = g.close(ctx, tx)
	return closed, g.explain("close", err)
}

// Status reads how far the group is. The error is ErrNoGroup if there is no such group.
func (g Group) Status(ctx context.Context, db *sql.DB) (s GroupStatus, err error) {
	if err = g.check(g.ID); err == nil {
		s, err = scanGroup(db.QueryRowContext(ctx, g.Dialect.sql("SELECT "+groupColumns+" FROM warren_outbox_group WHERE id = ?"), g.ID))
	}
	return s, g.explain("read", err)
}

func (g Group) open(ctx context.Context, tx *sql.Tx, size int, callback Message) (bool, error) {
	if err := g.check(g.ID); err != nil {
		return false, err
	}
	if size < 0 || callback.Unique != "" {
		return false, fmt.Errorf("%w: the size is %d, want 0 or more, and the callback's unique key is %q, want none",
			broker.ErrMalformed, size, callback.Unique)
	}
	values, err := g.stored(ctx, callback)
	if err != nil {
		return false, err
	}
	n, err := changed(tx.ExecContext(ctx, g.Dialect.sql(openGroup), append([]any{g.ID, size}, values...)...))
	if err != nil || n == 0 || size > 0 {
		return n == 1, err
	}
	err = g.callBack(ctx, tx)
	return err == nil, err
}

func (g Group) close(ctx context.Context, tx *sql.Tx) (bool, error) {
	if err := g.check(g.ID); err != nil {
		return false, err
	}
	s, err := g.add(ctx, tx, GroupStatus{}) // locks the row
	if err != nil || s.Closed {
		return false, err
	}
	err = g.callBack(ctx, tx)
	return err == nil, err
}

const (
	insertMember = `INSERT INTO warren_outbox_member (group_id, member, failed) VALUES (?, ?, ?)
		ON CONFLICT (group_id, member) DO NOTHING`
	mendMember = "UPDATE warren_outbox_member SET failed = 0 WHERE group_id = ? AND member = ? AND failed = 1"
)

// end records the member, then counts it. The row of the member comes first, so that a repeated
// call does not wait for the lock of the group.
func (g Group) end(ctx context.Context, tx *sql.Tx, member string, failed bool) (last bool, err error) {
	if err := g.check(g.ID, member); err != nil {
		return false, err
	}
	more := GroupStatus{Done: 1}
	if failed {
		more = GroupStatus{Failed: 1}
	}
	n, err := changed(tx.ExecContext(ctx, g.Dialect.sql(insertMember), g.ID, member, more.Failed))
	if err == nil && n == 0 && !failed {
		more = GroupStatus{Done: 1, Failed: -1}
		n, err = changed(tx.ExecContext(ctx, g.Dialect.sql(mendMember), g.ID, member))
	}
	if err != nil || n == 0 {
		return false, err
	}
	s, err := g.add(ctx, tx, more)
	if err != nil || s.Closed || s.Done+s.Failed < s.Size {
		return false, err
	}
	err = g.callBack(ctx, tx)
	return err == nil, err
}

const (
	groupColumns = "id, size, done, failed, closed_at IS NOT NULL"
	addToGroup   = "UPDATE warren_outbox_group SET done = done + ?, failed = failed + ? WHERE id = ? RETURNING " + groupColumns
)

// add adds to the counts, and locks the row of the group until tx ends.
func (g Group) add(ctx context.Context, tx *sql.Tx, more GroupStatus) (GroupStatus, error) {
	return scanGroup(tx.QueryRowContext(ctx, g.Dialect.sql(addToGroup), more.Done, more.Failed, g.ID))
}

func scanGroup(row *sql.Row) (s GroupStatus, err error) {
	err = row.Scan(&s.ID, &s.Size, &s.Done, &s.Failed, &s.Closed)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoGroup
	}
	return s, err
}

// check checks the ids of the group and of a member.
func (g Group) check(ids ...string) error {
	for _, id := range ids {
		if id == "" || len(id) > maxID {
			return fmt.Errorf("%w: the id %.40q has %d bytes, want 1 to %d", broker.ErrMalformed, id, len(id), maxID)
		}
	}
	return g.Dialect.validate()
}

func (g Group) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("outbox: %s group %.40q: %w", what, g.ID, err)
}
