package outbox

import (
	"context"
	"fmt"
	"time"
)

// Stats describes the messages in the outbox.
type Stats struct {
	Pending int           // messages that are not published yet
	Refused int           // pending messages that the broker has refused at least once
	Oldest  time.Duration // how long the oldest pending message has waited; 0 if there is none
}

const readStats = `SELECT count(*), count(CASE WHEN attempts > 0 THEN 1 END), coalesce(NOW - min(written_at), 0)
	FROM warren_outbox WHERE published_at IS NULL`

// Stats reads the statistics from the database. It counts the pending rows one by one. It
// also works without Run.
func (r *Relay) Stats(ctx context.Context) (s Stats, err error) {
	if r.invalid != nil {
		return s, r.invalid
	}
	var oldest int64
	err = r.config.DB.QueryRowContext(ctx, r.sql(readStats)).Scan(&s.Pending, &s.Refused, &oldest)
	if err != nil {
		return s, fmt.Errorf("outbox: read statistics: %w", err)
	}
	s.Oldest = time.Duration(oldest) * time.Millisecond
	return s, nil
}

// Health reports whether a relay works, and if not, why.
type Health struct {
	// Ready is true when the relay has its connection and its database. Messages that the
	// broker refuses do not affect it: see Stats.
	Ready   bool
	Reasons []string // why it is not ready
}

// Health returns the state at this moment, without querying the database.
func (r *Relay) Health() (h Health) {
	r.mu.Lock()
	idle := r.idle
	r.mu.Unlock()
	if idle != nil {
		h.Reasons = append(h.Reasons, idle.Error())
	}
	session, err := r.sender.Connector().Current()
	switch {
	case session == nil:
		h.Reasons = append(h.Reasons, fmt.Sprintf("connection: %v", err))
	case session.Blocked() != "":
		h.Reasons = append(h.Reasons, "connection: blocked by the broker: "+session.Blocked())
	}
	h.Ready = len(h.Reasons) == 0
	return h
}
