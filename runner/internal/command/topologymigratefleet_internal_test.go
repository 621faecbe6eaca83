package command

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/topology"
)

func TestAMigrationWaitsForTheProcessesThatHaveNotEnded(t *testing.T) {
	t.Parallel()
	paused := time.Now()
	process := func(id string, after time.Duration, inHand int, missing bool) fleet.Seen {
		return fleet.Seen{Received: paused.Add(after), Missing: missing, Announcement: &fleet.Announcement{
			Process: fleet.Process{ID: id}, Queues: []fleet.Queue{{Name: "orders", InHand: inHand}},
		}}
	}
	r := &replacement{queue: topology.Queue{Name: "orders"}}
	a, b := process("A", -1, 1, false), process("B", -1, 1, false)
	for name, tt := range map[string]struct {
		now  []fleet.Seen
		want bool
	}{
		"both are idle":                 {[]fleet.Seen{process("A", 1, 0, false), process("B", 1, 0, false)}, true},
		"one has a message in hand":     {[]fleet.Seen{process("A", 1, 0, false), process("B", 1, 1, false)}, false},
		"one has announced nothing yet": {[]fleet.Seen{process("A", 1, 0, false), b}, false},
		"one has ended":                 {[]fleet.Seen{process("A", 1, 0, false)}, true},
		"one is missing":                {[]fleet.Seen{process("A", 1, 0, false), process("B", -1, 0, true)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := r.idle(tt.now, []fleet.Seen{a, b}, paused); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAMigrationFailsIfAProcessMayStayPaused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		second reply
		sent   error
		status int
	}{
		"both have resumed":               {reply{Result: "orders is consuming"}, nil, 0},
		"one has the old configuration":   {reply{Error: "idle", err: &fleet.RefusedError{Text: "idle"}}, nil, 0},
		"one does not answer":             {reply{Error: "no answer", err: fleet.ErrNoAnswer}, nil, exitPartial},
		"the command is interrupted":      {reply{Error: "no answer", err: fmt.Errorf("%w: %w", fleet.ErrNoAnswer, context.Canceled)}, context.Canceled, exitPartial},
		"the connection cannot be closed": {reply{Result: "orders is consuming"}, errors.New("lost"), exitFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &replacement{queue: topology.Queue{Name: "orders"}}
			err := r.resumed(2, []reply{{Result: "orders is consuming"}, tt.second}, tt.sent)
			if got := exitStatus(t.Context(), err); got != tt.status {
				t.Errorf("got status %d and %v, want status %d", got, err, tt.status)
			}
		})
	}
}
