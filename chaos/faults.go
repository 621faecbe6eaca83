package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

const (
	everywhere = "all"
	clusters   = "clusters"
	singles    = "single nodes"
)

// fault is a row of the ledger: what breaks, how often, and what must hold.
type fault struct {
	name   string
	where  string
	times  int
	rounds bool          // each time is a run of its own
	each   time.Duration // how long one time takes, shortened by -short
	extra  time.Duration // how long one time takes beyond, for commands
	modes  []string
	// prepare replaces the writing of the workers' URLs. It may be nil.
	prepare func(context.Context, *stage) error
	act     func(context.Context, *stage) error
	bounds  []bound
}

func faults() []fault {
	all := []string{"plain", "retry", "dead-letter", "delayed", "outbox", "schedule"}
	stateless := all[:5] // the state of a schedule is in its virtual host
	work := []string{"plain", "classic", "ordered", "partitions", "retry"}
	const sec = time.Second
	return []fault{
		{"node-kill", everywhere, 3, false, 10 * sec, 20 * sec, all, nil, killNodes, []bound{noneLost(), onClusters(stallWithin(10 * sec)), onClusters(modeStallWithin(20 * sec))}},
		{"first-node-down", clusters, 3, true, 60 * sec, 25 * sec, all, nil, downFirst, []bound{noneLost(), publishesWithin(5 * sec), modeStallWithin(20 * sec)}},
		{"majority-lost", clusters, 2, false, 230 * sec, 20 * sec, all, nil, loseMajority, []bound{noneLost(), oneExtra(), notReady()}},
		{"memory-alarm", everywhere, 2, false, 120 * sec, 15 * sec, all, nil, memoryAlarm, []bound{noneLost(), noneTwice(), stopsWithin(2 * grace)}},
		{"disk-alarm", everywhere, 2, false, 120 * sec, 15 * sec, all, nil, diskAlarm, []bound{noneLost(), noneTwice(), stopsWithin(2 * grace)}},
		{"half-open", everywhere, 3, false, 90 * sec, 0, all, throughProxies, halfOpen, []bound{noneLost()}},
		{"frozen-node", everywhere, 3, false, 90 * sec, 5 * sec, all, nil, freezeNodes, []bound{noneLost()}},
		{"rolling-restart", everywhere, 3, false, 30 * sec, 60 * sec, all, nil, restartNodes, []bound{noneLost()}},
		{"partition", clusters, 3, false, 90 * sec, 10 * sec, all, nil, partition, []bound{noneLost()}},
		{"worker-kill", everywhere, 10, false, 4 * sec, 2 * sec, work, nil, killWorkers, []bound{noneLost(), orderKept()}},
		{"worker-and-node-kill", singles, 5, false, 14 * sec, 20 * sec, []string{"partitions"}, nil, killWorkersAndNodes, []bound{noneLost(), orderKept()}},
		{"deployment", everywhere, 20, false, 2 * sec, 2 * sec, work, nil, deploy, []bound{noneLost(), noneTwice(), orderKept()}},
		{"credentials", everywhere, 3, false, 40 * sec, 10 * sec, all, nil, rotateCredentials, []bound{noneLost(), backSoon()}},
		{"certificates", singles, 3, false, 40 * sec, 10 * sec, all, overTLS, rotateCertificates, []bound{noneLost(), backSoon()}},
		{"permission", everywhere, 3, false, 50 * sec, 10 * sec, all, nil, revokePermission, []bound{noneLost(), backSoon()}},
		{"vhost-deleted", everywhere, 3, false, 50 * sec, 10 * sec, stateless, nil, deleteVhost, []bound{noneLost(), backSoon()}},
		{"queue-deleted", everywhere, 1, false, 60 * sec, 0, all, nil, deleteQueue, []bound{noneLost(), backOrNotReady(10 * sec)}},
		{"exchange-deleted", everywhere, 1, false, 90 * sec, 0, all, nil, deleteExchange, []bound{noneLost(), backOrNotReady(60 * sec)}},
		{"binding-deleted", everywhere, 1, false, 90 * sec, 0, all, nil, deleteBinding, []bound{noneLost(), backOrNotReady(60 * sec)}},
		{"policy", everywhere, 1, false, 80 * sec, 20 * sec, all, nil, breakByPolicy, []bound{noneLost(), notReady()}},
	}
}

func faultNames() (all []string) {
	for _, f := range faults() {
		all = append(all, f.name)
	}
	return all
}

// chosenFaults returns the faults of -only that can happen on a kind of broker.
func chosenFaults(o options, b brokerKind) (chosen []fault) {
	for _, f := range faults() {
		if o.short {
			f.times = min(f.times, max(1, f.times/10), 2)
		}
		fits := f.where == everywhere || (f.where == clusters) == b.cluster()
		if fits && contains(names(o.only, faultNames()), f.name) {
			chosen = append(chosen, f)
		}
	}
	return chosen
}

func (f fault) roundsOf(options) int {
	if f.rounds {
		return f.times
	}
	return 1
}

// during returns how long the load of one stage publishes.
func (f fault) during(o options) time.Duration {
	return time.Duration(f.times/f.roundsOf(o))*(o.scaled(f.each)+f.extra) + 10*time.Second
}

// repeat runs a fault as often as its row says.
func (s *stage) repeat(ctx context.Context, once func(time int) error) error {
	for i := range s.fault.times / s.fault.roundsOf(s.options) {
		if err := once(i); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// boundsOn returns the bounds that hold on a kind of broker.
func (f fault) boundsOn(b brokerKind) (all []bound) {
	for _, each := range f.bounds {
		if !each.clusters || b.cluster() {
			all = append(all, each)
		}
	}
	return all
}

func (f fault) boundTextOn(b brokerKind) string { return texts(f.boundsOn(b)) }

func (f fault) boundText() string { return texts(f.bounds) }

func texts(bounds []bound) string {
	all := make([]string, 0, len(bounds))
	for _, b := range bounds {
		all = append(all, b.text)
	}
	return strings.Join(all, ", ")
}

// victims returns the nodes in the order in which they are to break.
func (s *stage) victims() []int { return s.random.Perm(len(s.nodes.urls)) }

func (s *stage) sayf(format string, args ...any) {
	logf("%s %s: %s", s.nodes.kind.name, s.fault.name, fmt.Sprintf(format, args...))
}
