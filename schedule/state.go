package schedule

import (
	"context"
	"fmt"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/leader"
)

// State is the state of a group, as the leader stored it when it last published a tick or
// renewed its token.
type State struct {
	Group     string       `json:"group"`
	Leader    string       `json:"leader"` // host, process id and a random end
	Since     time.Time    `json:"since"`  // when it began to lead
	UpdatedAt time.Time    `json:"updated_at"`
	Entries   []EntryState `json:"entries"` // the leader's entries, in its order
}

// EntryState is the state of one entry.
type EntryState struct {
	Name     string `json:"name"`
	Cron     string `json:"cron"`
	Timezone string `json:"timezone"`
	Exchange string `json:"exchange"`
	Key      string `json:"key"`
	// After is the time after which ticks are still to be published. It is the last tick,
	// or the time when a leader first had the entry, or when its Cron or Timezone changed.
	After time.Time `json:"after"`
	Last  time.Time `json:"last,omitzero"`   // the last tick published
	By    string    `json:"by,omitempty"`    // the process that published it, in the form of Leader
	Next  time.Time `json:"next,omitzero"`   // the next tick; it is due if it is before UpdatedAt
	Error string    `json:"error,omitempty"` // why the next tick cannot be published at present
	// MissedFirst and MissedLast are the first and the last of the missed ticks that were
	// dropped most recently.
	MissedFirst time.Time `json:"missed_first,omitzero"`
	MissedLast  time.Time `json:"missed_last,omitzero"`
}

// Read returns the state of a group from the broker, over a connection of its own. It
// works with and without a leader, and does not disturb the leader. An old UpdatedAt means
// that the group has no leader at present. Read returns an error if the group has never
// had a leader, or if the connection fails.
func Read(ctx context.Context, cfg broker.Config, group string) (s State, err error) {
	session, err := amqp.Dial(ctx, amqp.Config(cfg), "schedules")
	if err != nil {
		return s, err
	}
	defer func() {
		if e := session.Close(); err == nil {
			err = e
		}
	}()
	for range readTries {
		body, ok, err := leader.ReadToken(ctx, session, tokenOf(group))
		switch {
		case err != nil:
			return s, err
		case ok:
			t, err := decode(body)
			if err != nil {
				return s, fmt.Errorf("schedule: read the state of group %q: %w", group, err)
			}
			return t.State, nil
		}
		select { // another process may be reading the state at the moment
		case <-time.After(readPause):
		case <-ctx.Done():
			return s, fmt.Errorf("schedule: read the state of group %q: %w", group, context.Cause(ctx))
		}
	}
	return s, fmt.Errorf("schedule: read the state of group %q: no scheduler of this group has run on this virtual host", group)
}

const (
	readTries = 10
	readPause = 50 * time.Millisecond
)
