package schedule

import (
	"context"
	"fmt"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/leader"
)

// State is what the leader of a group last said, when it published a tick or renewed
// its token.
type State struct {
	Group     string       `json:"group"`
	Leader    string       `json:"leader"` // host, process id and a random end
	Since     time.Time    `json:"since"`  // when it began to lead
	UpdatedAt time.Time    `json:"updated_at"`
	Entries   []EntryState `json:"entries"` // those of the leader, in its order
}

// EntryState is the part of one entry.
type EntryState struct {
	Name     string `json:"name"`
	Cron     string `json:"cron"`
	Timezone string `json:"timezone"`
	Exchange string `json:"exchange"`
	Key      string `json:"key"`
	// After is the moment after which ticks are still to be published: the last one, or
	// when the entry was first led, or its Cron or Timezone changed.
	After time.Time `json:"after"`
	Last  time.Time `json:"last,omitzero"`   // the last tick published
	By    string    `json:"by,omitempty"`    // who published it, as Leader
	Next  time.Time `json:"next,omitzero"`   // the next one; it is due if it lies before UpdatedAt
	Error string    `json:"error,omitempty"` // why it cannot be published at present
	// The ticks given up last, as the entry's Missed policy had it: from the first to
	// the last of them.
	MissedFirst time.Time `json:"missed_first,omitzero"`
	MissedLast  time.Time `json:"missed_last,omitzero"`
}

// Read returns the state of a group from the broker, over a connection of its own. It
// needs no leader and disturbs none: State.UpdatedAt tells whether there is one. The error says so if
// nobody has ever led, or what is wrong with the connection.
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
				return s, fmt.Errorf("schedule: the state of group %q: %w", group, err)
			}
			return t.State, nil
		}
		select { // someone else may be reading it
		case <-time.After(readPause):
		case <-ctx.Done():
			return s, fmt.Errorf("schedule: the state of group %q: %w", group, context.Cause(ctx))
		}
	}
	return s, fmt.Errorf("schedule: nobody has led a group named %q on this virtual host", group)
}

const (
	readTries = 10
	readPause = 50 * time.Millisecond
)
