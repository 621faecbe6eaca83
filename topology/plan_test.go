package topology_test

import (
	"strings"
	"testing"

	"github.com/warren-mq/warren/topology"
)

// TestAConflictNamesTheCommandThatReplacesTheQueue.
func TestAConflictNamesTheCommandThatReplacesTheQueue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  topology.ConflictError
		want string
	}{
		{
			name: "an argument of a queue",
			err:  topology.ConflictError{Kind: "queue", Name: "mail", Argument: "x-max-priority", Current: "10", Wanted: "5"},
			want: `x-max-priority is 10, wanted 5; use the queue as it is with the mode "verify", or set x-max-priority to 10 in Arguments, or replace the queue by "runner topology migrate mail --to arguments", or`,
		},
		{
			name: "the type of a queue",
			err:  topology.ConflictError{Kind: "queue", Name: "mail", Argument: "x-queue-type", Current: "classic", Wanted: "quorum"},
			want: `or replace the queue by "runner topology migrate mail --to quorum", or`,
		},
		{
			name: "an exchange",
			err:  topology.ConflictError{Kind: "exchange", Name: "events", Argument: "type", Current: "direct", Wanted: "topic"},
			want: `or delete the exchange, or`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.err.Error(); !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
		})
	}
}
