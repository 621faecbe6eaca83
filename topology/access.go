package topology

import (
	"regexp"
	"slices"
	"strings"

	"github.com/warren-mq/warren/message"
)

// Permissions are the three regular expressions of RabbitMQ's access control, which are matched
// with the names of queues and exchanges. The default exchange has the name amq.default there.
type Permissions struct {
	Configure string `json:"configure"`
	Write     string `json:"write"`
	Read      string `json:"read"`
}

// User is a user in the definitions of a Topology.
type User struct {
	Name string
	// New adds the user itself, without a password: it can log in once a password is set. If
	// the user exists, the import removes its password.
	New         bool
	Permissions Permissions
}

// Policy is a policy of RabbitMQ for queues. Of the policies that match a queue, the one of the
// highest priority applies alone.
type Policy struct {
	Name       string
	Pattern    string
	Priority   int
	Definition message.Headers
}

// protecting is the priority of the policies of Protection.
const protecting = 1_000_000

// Protection returns policies that keep other policies away from the dead-letter queues and
// parking queues of t, and from all queues whose names begin with "warren.". A policy for all
// queues with expires, message-ttl, max-length or delivery-limit would delete what waits there.
// The policies themselves change nothing: each one needs a setting, and the delivery limit is
// the one that these queues are declared with. Operator policies apply in addition to policies,
// so they must leave these queues out themselves.
func (t Topology) Protection() []Policy {
	all := []Policy{protect("warren", "^"+regexp.QuoteMeta(ownPrefix))}
	for _, q := range t.Queues {
		if t.Keeps(q.Name) && !strings.HasPrefix(q.Name, ownPrefix) {
			all = append(all, protect("warren "+q.Name, "^"+regexp.QuoteMeta(q.Name)+"$"))
		}
	}
	return all
}

// ownPrefix begins the names of the queues and exchanges that all work queues share.
const ownPrefix = "warren."

func protect(name, pattern string) Policy {
	return Policy{Name: name, Pattern: pattern, Priority: protecting, Definition: message.Headers{"delivery-limit": NeverReached}}
}

// Keeps reports whether a queue keeps messages until they are due, or until a person looks at
// them: a parking queue or a dead-letter queue of t, a level, a queue of schedules, or
// UnroutedQueue.
func (t Topology) Keeps(queue string) bool {
	if IsParking(queue) || queue == UnroutedQueue || strings.HasPrefix(queue, LevelPrefix) || strings.HasPrefix(queue, schedulePrefix) {
		return true
	}
	return slices.ContainsFunc(t.Bindings, func(b Binding) bool { return b.Exchange == DeadLetterExchange && b.Queue == queue })
}

// schedulePrefix begins the names of the queues of package schedule.
const schedulePrefix = ownPrefix + "schedule."
