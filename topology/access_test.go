package topology_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/warren-mq/warren/topology"
)

// TestProtectionMatchesWarrensOwnQueuesAlone: policies for all others must still apply.
func TestProtectionMatchesWarrensOwnQueuesAlone(t *testing.T) {
	t.Parallel()
	q := topology.WorkQueue{Name: "a.b", Exchange: "events", Keys: []string{"#"}, DeadLetters: topology.DeadLetters{Queue: "graveyard"}}
	var matched []string
	for _, p := range q.Topology().Merge(topology.Levels()).Unique().Protection() {
		pattern := regexp.MustCompile(p.Pattern)
		for _, name := range []string{
			"a.b", "a.b.delay", "axb.delay", "graveyard", "graveyard2", "my-graveyard", "other.dlq", "other.delay",
			"warren.delay.64s", "warren.delayed.events", "warren.unrouted", "warren.schedule.token.g", "warrenty",
		} {
			if pattern.MatchString(name) {
				matched = append(matched, name)
			}
		}
		if len(p.Definition) != 1 || p.Definition["delivery-limit"] != topology.NeverReached {
			t.Errorf("policy %s sets %v, want the delivery limit that the queues have", p.Name, p.Definition)
		}
	}
	slices.Sort(matched)
	want := []string{"a.b.delay", "graveyard", "warren.delay.64s", "warren.delayed.events", "warren.schedule.token.g", "warren.unrouted"}
	if !slices.Equal(matched, want) {
		t.Errorf("the policies match %q, want %q", matched, want)
	}
}

// TestDefinitionsOfUsers have permissions and no password.
func TestDefinitionsOfUsers(t *testing.T) {
	t.Parallel()
	p := topology.Permissions{Configure: "^$", Write: "^w$", Read: "^r$"}
	out, err := topology.Topology{}.Definitions("blue", topology.User{Name: "old", Permissions: p}, topology.User{Name: "ada", New: true, Permissions: p})
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Users       []map[string]any `json:"users"`
		Permissions []map[string]any `json:"permissions"`
	}
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Users) != 1 || d.Users[0]["name"] != "ada" || d.Users[0]["password_hash"] != "" {
		t.Errorf("the users are %v, want ada without a password", d.Users)
	}
	if len(d.Permissions) != 2 || d.Permissions[0]["user"] != "old" || d.Permissions[0]["vhost"] != "blue" || d.Permissions[0]["write"] != "^w$" {
		t.Errorf("the permissions are %v", d.Permissions)
	}
	if strings.Contains(string(out), `"password"`) {
		t.Errorf("the definitions have a password:\n%s", out)
	}
}
