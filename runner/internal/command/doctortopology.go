package command

import (
	"context"
	"strings"

	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

// checkVersion tells what is to be known of the broker's version.
func (e *examination) checkVersion() {
	v := e.session.BrokerVersion()
	switch {
	case strings.HasPrefix(v, "3."):
		e.warnf("version", "Upgrade to RabbitMQ 4: release by release, with all feature flags enabled before each.",
			"RabbitMQ %s: version 3 is not maintained any more; priorities count on classic queues alone, and x-consumer-timeout is ignored", v)
	case strings.HasPrefix(v, "4.0"), strings.HasPrefix(v, "4.1"), strings.HasPrefix(v, "4.2"):
		e.okf("version", "RabbitMQ %s: a lost connection counts against the delivery limit of every message in hand or prefetched, and so does a nack", v)
	default:
		e.okf("version", "RabbitMQ %s: a lost connection counts against the delivery limit of every message in hand or prefetched; a nack does not", v)
	}
	if reason := e.session.Blocked(); reason != "" {
		e.failf("version", "Free memory or disk on the broker: rabbitmq-diagnostics alarms", "the broker takes no messages: %s", reason)
	}
}

// checkTopology compares what is there with what is wanted.
func (e *examination) checkTopology(ctx context.Context) {
	changes, err := e.session.Plan(ctx, wiring.Topology(e.config))
	if err != nil {
		e.failf("topology", "Give the user the permissions that the checks below name.", "%v", err)
		return
	}
	for _, c := range changes {
		if c.Conflict != nil {
			e.failf("topology", "Give the same value in the configuration, or drain and delete it, or use another name.",
				"%s %s: %s is %s, wanted %s", c.Kind, c.Name, c.Conflict.Argument, c.Conflict.Current, c.Conflict.Wanted)
		}
	}
	switch missing := number(changes, topology.Create); {
	case number(changes, topology.Conflict) > 0:
	case missing > 0:
		e.okf("topology", "nothing conflicts; %d of %d parts are missing, which a start of the runner or \"topology apply\" declares", missing, len(changes))
	default:
		e.okf("topology", "all %d exchanges and queues are there as wanted", len(changes))
	}
}

// checkDepths looks for what waits with nobody to take it.
func (e *examination) checkDepths(ctx context.Context) {
	names := make([]string, 0, len(e.config.Queues))
	for _, q := range e.config.Queues {
		names = append(names, q.Name)
	}
	states, err := queueStates(ctx, names, e.session)
	if err != nil {
		e.failf("queues", "See what the broker says.", "%v", err)
		return
	}
	before := len(e.findings)
	for _, s := range states {
		if s.Ready > 0 && s.Consumers == 0 {
			e.warnf("queues", "Start a runner, or resume the queue.", "%s: %d messages wait, and nobody receives", s.Name, s.Ready)
		}
		if s.DeadLetters > 0 {
			e.warnf("queues", "See why: runner dlq groups "+s.Name, "%s: there are %d dead letters", s.Name, s.DeadLetters)
		}
	}
	e.okUnlessf(before, "queues", "nothing waits without a consumer, and there are no dead letters")
}
