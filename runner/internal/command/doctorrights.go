package command

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/rights"
	"github.com/warren-mq/warren/topology"
)

// refusal matches the broker's error, such as: ACCESS_REFUSED - configure access to queue
// 'q' in vhost '/' refused for user 'u'.
var refusal = regexp.MustCompile(`ACCESS_REFUSED - ([^"]+)`)

// trial tests the user's permissions with invalid requests. The broker checks permissions
// first, so it rejects a request either for the permission or for being invalid.
type trial struct {
	session *amqp.Session
	denied  []string
}

// dividing matches the refusal of what processes need to divide partitions among them. The worker
// logs a warning and works without it. To declare the exchange is needed.
var dividing = regexp.MustCompile(`'` + regexp.QuoteMeta(topology.PartitionExchange) + `\.|^(?:read|write) access to \S+ '` + regexp.QuoteMeta(topology.PartitionExchange) + `'`)

const permissionsRemedy = `Run the command that "runner topology permissions --for worker" prints.`

const testRemedy = "Run doctor again, nearer to the broker if it takes a minute."

// checkPermissions tests the permissions that "topology permissions" prints for a worker.
func (e *examination) checkPermissions(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	needs := rights.Worker(e.whole, e.name)
	denied, untested := e.try(ctx, needs)
	if untested != nil {
		e.warnf("permissions", testRemedy, "not all permissions could be tested: %v", untested)
	}
	for _, what := range denied {
		if dividing.MatchString(what) {
			e.warnf("permissions", permissionsRemedy, "%s: partitions are not divided among the processes, and one process consumes all of them", what)
			continue
		}
		e.failf("permissions", permissionsRemedy, "%s", what)
	}
	if e.number("error", "permissions")+e.number("warning", "permissions") == 0 {
		e.okf("permissions", "the user may configure %d, write to %d and read from %d names of queues and exchanges", len(needs.Configure), len(needs.Write), len(needs.Read))
	}
}

// checkFleet tests whether the user may also watch and control the fleet.
func (e *examination) checkFleet(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	denied, untested := e.try(ctx, rights.Listener())
	switch {
	case len(denied) > 0:
		e.warnf("fleet", `Run the command that "runner topology permissions --for operator" prints, for the user of an operator.`,
			"the user may not listen to the fleet: the commands fleet, delays and topology migrate, and the console, need another user: %s", denied[0])
	case untested != nil:
		e.warnf("fleet", testRemedy, "not all permissions could be tested: %v", untested)
	case !e.config.Fleet.Announce:
		e.okf("fleet", "the user may listen to the fleet; fleet.announce is off, so this runner is not shown")
	default:
		e.okf("fleet", "the user may listen to the fleet")
	}
}

// try returns the refusals of the broker, and why names were not tested.
func (e *examination) try(ctx context.Context, needs *rights.Needs) (denied []string, untested error) {
	t := trial{session: e.session}
	for _, name := range needs.Configure { // permissions are of names; queues and exchanges share them
		invalid := topology.Queue{Name: name, Arguments: message.Headers{"x-message-ttl": -1}}
		t.note(e.session.Declare(ctx, topology.Topology{Queues: []topology.Queue{invalid}}))
	}
	for _, name := range needs.Read {
		_, err := e.session.Consume(ctx, amqp.Consume{Queue: name, Prefetch: 1, Arguments: message.Headers{"x-priority": "doctor"}})
		t.note(err)
	}
	for _, name := range needs.Write {
		t.note(e.session.PublishAlone(ctx, &message.Message{Exchange: rights.Exchange(name), Expiration: "doctor"}))
	}
	if err := context.Cause(ctx); err != nil {
		return t.denied, err
	}
	return t.denied, e.session.Err()
}

// note records err if the permission was denied.
func (t *trial) note(err error) {
	if err == nil {
		return
	}
	if m := refusal.FindStringSubmatch(err.Error()); m != nil && !slices.Contains(t.denied, m[1]) {
		t.denied = append(t.denied, m[1])
	}
}
