package limit

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// QueuePrefix begins the names of the queues of slots.
const QueuePrefix = "warren.limit."

// MaxSlots is the largest number of slots. Each slot is a quorum queue.
const MaxSlots = 100

// Spec describes a limit.
type Spec struct {
	Name  string
	Slots int           // how many slots there are
	Rest  time.Duration // how long a slot rests after it was used; 0 for a limit of concurrency
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)

// Validate reports everything that is wrong with s, in one error.
func (s Spec) Validate() error {
	f := check.Of("limit")
	f.Addf(!validName.MatchString(s.Name), "name is %q, want 1 to 100 letters, digits, _ or -", s.Name)
	f.Addf(s.Slots < 1 || s.Slots > MaxSlots, "limit %q is %d, want 1 to %d", s.Name, s.Slots, MaxSlots)
	f.Addf(s.Rest < 0, "limit %q: the time is %v, want more than 0", s.Name, s.Rest)
	return f.Err()
}

// Label returns the name of the limit in metrics and announcements. A limit of concurrency and a
// rate of the same name are two limits.
func (s Spec) Label() string {
	if s.Rest > 0 {
		return s.Name + ".rate"
	}
	return s.Name
}

// prefix begins the names of the queues of s.
func (s Spec) prefix() string { return QueuePrefix + s.Label() + "." }

// Queue returns the name of the queue of a slot, which is counted from 0.
func (s Spec) Queue(slot int) string { return s.prefix() + strconv.Itoa(slot) }

// Topology returns the queues of all slots.
func (s Spec) Topology() topology.Topology {
	var t topology.Topology
	for i := range s.Slots {
		t.Queues = append(t.Queues, topology.Queue{Name: s.Queue(i), Arguments: message.Headers{
			"x-queue-type": topology.Quorum, "x-queue-leader-locator": topology.LeaderLocator,
			"x-delivery-limit": topology.NeverReached, "x-single-active-consumer": true,
			"x-consumer-disconnected-timeout": disconnectedTimeout,
		}})
	}
	return t
}

// disconnectedTimeout is how long RabbitMQ 4.3 waits, in milliseconds, before it replaces the
// active consumer whose node cannot be reached. It is longer than the longest lease.
const disconnectedTimeout = 20_000

// same returns an error if other has the same queues as s and is not the same limit.
func (s Spec) same(other Spec) error {
	if s == other {
		return nil
	}
	return fmt.Errorf("limit: two limits of one process are named %q and differ (got %d slots that rest for %v, and %d that rest for %v), want one limit",
		s.Name, s.Slots, s.Rest, other.Slots, other.Rest)
}

// Limited is what a handler with a limit implements, so that the worker finds the limit.
type Limited interface {
	// Limits returns the limits of the handler and of the limited handler that it calls.
	Limits() Path
}

// Distinct returns the limits of all without duplicates, by their labels.
func Distinct(all []Spec) []Spec {
	some := slices.SortedFunc(slices.Values(all), func(a, b Spec) int { return cmp.Compare(a.Label(), b.Label()) })
	return slices.CompactFunc(some, func(a, b Spec) bool { return a.Label() == b.Label() })
}

// Check returns an error if two of the limits have the same queues and are not the same.
func Check(all []Spec) error {
	known := make(map[string]Spec)
	for _, s := range all {
		if other, ok := known[s.prefix()]; ok {
			if err := other.same(s); err != nil {
				return err
			}
		}
		known[s.prefix()] = s
	}
	return nil
}
