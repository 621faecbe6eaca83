package command

import (
	"context"
	"strings"

	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

// checkVersion reports properties of the broker's version.
func (e *examination) checkVersion() {
	v := e.session.BrokerVersion()
	switch {
	case strings.HasPrefix(v, "3."):
		e.warnf("version", "Upgrade to RabbitMQ 4, one release at a time. Enable all feature flags before each upgrade.",
			"RabbitMQ %s: version 3 is no longer maintained; only classic queues have priorities, and x-consumer-timeout is ignored", v)
	case strings.HasPrefix(v, "4.0"), strings.HasPrefix(v, "4.1"), strings.HasPrefix(v, "4.2"):
		e.okf("version", "RabbitMQ %s: a lost connection counts as a delivery for each unacknowledged message, and so does a nack; the delivery limit applies to both", v)
	default:
		e.okf("version", "RabbitMQ %s: a lost connection counts towards the delivery limit of each unacknowledged message; a nack does not", v)
	}
	for _, q := range e.config.Queues {
		if q.Delays == topology.Native && !e.session.DelaysRetries() {
			e.failf("version", "Upgrade RabbitMQ, or remove \"delays: native\".", "queue %s: native delays need RabbitMQ 4.3 or later (got %s)", q.Name, v)
		}
	}
	if reason := e.session.Blocked(); reason != "" {
		e.failf("version", "Free memory or disk space on the broker; see rabbitmq-diagnostics alarms.", "the broker blocks publishing: %s", reason)
	}
}

// checkTopology compares the topology of the broker with the configuration. If the runner does
// not declare it, checkTopology only asks what exists, which needs no permission to configure.
func (e *examination) checkTopology(ctx context.Context) {
	t := wiring.Topology(e.config)
	if !e.manages() {
		e.checkExistence(ctx, t)
		return
	}
	changes, err := e.session.Plan(ctx, t)
	if err != nil {
		e.failf("topology", "Give the user the permissions that are listed below.", "%v", err)
		return
	}
	e.conflicts("topology", changes)
	switch missing := number(changes, topology.Create); {
	case number(changes, topology.Conflict) > 0:
	case missing > 0:
		e.okf("topology", "no conflicts; %d of %d exchanges and queues are missing; runner run or \"topology apply\" declares them", missing, len(changes))
	default:
		e.okf("topology", "all %d exchanges and queues exist as configured", len(changes))
	}
}

func (e *examination) conflicts(check string, changes []topology.Change) {
	for _, c := range changes {
		if c.Conflict != nil {
			e.failf(check, "Set the broker's value in the configuration, or drain and delete the queue or exchange, or use another name.",
				"%s %s: %s is %s, wanted %s", c.Kind, c.Name, c.Conflict.Argument, c.Conflict.Current, c.Conflict.Wanted)
		}
	}
}

// checkExistence reports what does not exist, and what the broker does not answer for.
func (e *examination) checkExistence(ctx context.Context, t topology.Topology) {
	const remedy = `Have its owner run "runner topology apply" with this file, or import the definitions of "runner topology export".`
	refused, err := e.session.Verify(ctx, t)
	missing := missingOf(err)
	switch {
	case len(missing) > 0:
		e.failf("topology", remedy, "%d of %d exchanges and queues do not exist, and the runner does not declare them: %s",
			len(missing), len(t.Exchanges)+len(t.Queues), strings.Join(missing, ", "))
	case err != nil:
		e.failf("topology", "See the broker's error.", "%v", err)
	case len(refused) > 0:
		e.okf("topology", "the exchanges and queues exist, except for %d that RabbitMQ hides because the user has no permission for the name, such as %s", len(refused), refused[0].Name)
	default:
		e.okf("topology", "all %d exchanges and queues exist; their arguments are not compared, because the runner does not declare them", len(t.Exchanges)+len(t.Queues))
	}
}

// missingOf returns the names in the MissingErrors that err joins.
func missingOf(err error) (names []string) {
	switch e := err.(type) { //nolint:errorlint // an error that Session.Verify has joined
	case *topology.MissingError:
		return []string{e.Name}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			names = append(names, missingOf(one)...)
		}
	}
	return names
}

// checkDepths reports queues with messages and without consumers, and dead letters.
func (e *examination) checkDepths(ctx context.Context) {
	names := make([]string, 0, len(e.config.Queues))
	for _, q := range e.config.Queues {
		names = append(names, q.Name)
	}
	states, err := queueStates(ctx, e.config, names, e.session)
	if err != nil {
		e.failf("queues", "See the broker's error.", "%v", err)
		return
	}
	before := len(e.findings)
	for _, s := range states {
		if s.Ready > 0 && s.Consumers == 0 {
			e.warnf("queues", "Start a runner, or resume the queue.", "%s has %d ready messages and no consumers", s.Name, s.Ready)
		}
		if s.DeadLetters > 0 {
			e.warnf("queues", "See the reasons with runner dlq groups "+s.Name, "%s has %d dead letters", s.Name, s.DeadLetters)
		}
	}
	e.okUnlessf(before, "queues", "no messages wait without a consumer, and there are no dead letters")
}
