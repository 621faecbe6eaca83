package command

import (
	"strings"
	"testing"

	"github.com/warren-mq/warren/topology"
)

func TestPatternsThatRabbitMQRefusesAreNamed(t *testing.T) {
	t.Parallel()
	var r result
	for role, n := range map[string]int{"worker": 1024, "operator": 1025} {
		r.addPermissions(permitted{Role: role, Permissions: topology.Permissions{Configure: "^$", Write: strings.Repeat("a", n), Read: "^$"}})
	}
	if want := "one of the operator has 1025"; !strings.Contains(r.note, want) || strings.Contains(r.note, "worker") || strings.Contains(r.note, "\n") {
		t.Errorf("the note is %q, want one line with %q", r.note, want)
	}
}
