package command

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/runner/internal/management"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

// effects are the settings of policies that remove messages from queues.
var effects = map[string]string{
	"expires":          "deletes the queue with its messages when it has been unused for that long",
	"message-ttl":      "removes messages that wait for longer",
	"max-length":       "refuses or deletes messages beyond it",
	"max-length-bytes": "refuses or deletes messages beyond it",
	"delivery-limit":   "removes messages that were delivered, or only looked at, more often (before RabbitMQ 4.3)",
}

// checkPolicies reports policies that remove messages from Warren's own queues, and from the
// work queues without a setting that says so. AMQP does not show policies.
func (e *examination) checkPolicies(ctx context.Context) {
	if e.config.Broker.ManagementURL.IsZero() {
		e.addf("policies", "skipped", "Set broker.management_url, or see the output of: rabbitmqctl list_queues name policy operator_policy effective_policy_definition",
			"AMQP does not show policies, which may remove messages")
		return
	}
	client, err := managementClient(e.config)
	if err != nil {
		e.failf("policies", "Correct broker.management_url.", "%v", err)
		return
	}
	defer client.Close()
	all, err := client.Policies(ctx)
	if err != nil {
		e.failf("policies", "Correct broker.management_url; its user needs the tag management.", "%v", err)
		return
	}
	before, t := len(e.findings), wiring.Topology(e.config)
	for _, p := range all {
		switch own := t.Keeps(p.Queue); {
		case !isUsed(e.config, p.Queue):
		case own, !strings.HasPrefix(p.Queue, "warren."): // the queues of listeners are short-lived
			e.checkPolicy(p, own)
		}
	}
	e.okUnlessf(before, "policies", "no policy removes messages from the queues")
}

// checkPolicy reports the settings of a queue's policies. A policy that removes messages from a
// queue of Warren breaks a promise; for a work queue it may be meant.
func (e *examination) checkPolicy(p management.Policies, own bool) {
	for _, setting := range slices.Sorted(maps.Keys(effects)) {
		value, ok := p.Effective[setting]
		limit, _ := value.(float64) // of JSON
		if !ok || setting == "delivery-limit" && limit >= topology.NeverReached {
			continue
		}
		found := []any{nameOfPolicy(p), setting, value, p.Queue, effects[setting]}
		if own {
			e.failf("policies", remedyOf(p), "%s sets %s to %v for %s, where messages must wait: it %s", found...)
		} else {
			e.warnf("policies", "If this is not meant, exclude the queue from the pattern.", "%s sets %s to %v for %s: it %s", found...)
		}
	}
}

func nameOfPolicy(p management.Policies) string {
	switch {
	case p.OperatorPolicy == "":
		return "policy " + p.Policy
	case p.Policy == "":
		return "operator policy " + p.OperatorPolicy
	}
	return "policy " + p.Policy + " or operator policy " + p.OperatorPolicy
}

func remedyOf(p management.Policies) string {
	if p.OperatorPolicy != "" {
		return "Exclude the queue from the pattern of the operator policy, which no policy can replace."
	}
	return `Import the policies of "runner topology export", which have a higher priority, or exclude the queue from the pattern.`
}

// checkDelays compares the queues that are declared when they are first used, and reports
// delayed messages that no process takes.
func (e *examination) checkDelays(ctx context.Context) {
	before := len(e.findings)
	if e.manages() {
		changes, err := e.session.Plan(ctx, topology.Levels())
		if err != nil {
			e.failf("delays", `Run the command that "runner topology permissions --for worker" prints.`, "%v", err)
			return
		}
		e.conflicts("delays", changes)
	}
	levels, err := e.waiting(ctx)
	if err != nil {
		e.failf("delays", "See the broker's error.", "%v", err)
		return
	}
	e.okUnlessf(before, "delays", "the queues of delays are as Warren declares them; %d messages wait in levels", levels)
}

// waiting reports delayed messages without a consumer and messages without a destination. It
// returns the number of messages in levels, which have no consumers.
func (e *examination) waiting(ctx context.Context) (levels int, err error) {
	for _, q := range wiring.Topology(e.config).Queues {
		if !topology.IsParking(q.Name) {
			continue
		}
		s, err := e.stateOf(ctx, q.Name)
		if err != nil {
			return 0, err
		}
		if s.Messages > 0 && s.Consumers == 0 {
			e.warnf("delays", "Start a runner.", "%s has %d delayed messages and no consumers: they stay there when they are due", q.Name, s.Messages)
		}
	}
	unrouted, err := e.stateOf(ctx, topology.UnroutedQueue)
	if err != nil {
		return 0, err
	}
	if unrouted.Messages > 0 {
		e.warnf("delays", "See them with: runner dlq show "+topology.UnroutedQueue, "%s has %d delayed messages whose queue did not exist when they were due", topology.UnroutedQueue, unrouted.Messages)
	}
	for level := topology.ShortestLevel; level <= topology.LongestLevel; level *= 2 {
		s, err := e.stateOf(ctx, topology.LevelName(level))
		if err != nil {
			return 0, err
		}
		levels += s.Messages
	}
	return levels, nil
}

// stateOf returns the state of a queue, or zero if it does not exist or if the broker does not
// answer the user.
func (e *examination) stateOf(ctx context.Context, queue string) (amqp.QueueState, error) {
	s, err := e.session.State(ctx, queue)
	if errors.Is(err, amqp.ErrNoQueue) || amqp.IsAbsent(err) {
		return amqp.QueueState{}, nil
	}
	return s, err
}
