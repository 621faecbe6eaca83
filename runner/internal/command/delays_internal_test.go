package command

import (
	"bytes"
	"testing"

	"github.com/warren-mq/warren/internal/amqp/fleet"
)

// TestTheProcessThatHoldsAMessageDecides about the result of a change: others may refuse the user,
// or not answer.
func TestTheProcessThatHoldsAMessageDecides(t *testing.T) {
	t.Parallel()
	failed := reply{Process: "A", Error: "no answer within 10s", err: fleet.ErrNoAnswer}
	done := reply{Process: "B", Result: "1 message"}
	for name, tt := range map[string]struct {
		replies []reply
		want    string
		status  int
	}{
		"it answers after another": {[]reply{failed, done}, "MESSAGE   RESULT\nm1        1 message\n", 0},
		"it answers first":         {[]reply{done, failed}, "MESSAGE   RESULT\nm1        1 message\n", 0},
		"none answers":             {[]reply{failed, failed}, "MESSAGE   RESULT\nm1        failed: no answer within 10s\n", exitFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			p := &Program{Stdout: &out, settings: settings{format: "table"}}
			err := p.showChanges([]string{"m1"}, [][]reply{tt.replies})
			if out.String() != tt.want || exitStatus(t.Context(), err) != tt.status {
				t.Errorf("got %q and %v, want %q and status %d", out.String(), err, tt.want, tt.status)
			}
		})
	}
}
