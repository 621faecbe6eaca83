package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// brokerKind is a release of RabbitMQ on one node or on a cluster.
type brokerKind struct {
	name, release string
	size          int
	tls           bool
}

func (b brokerKind) cluster() bool { return b.size > 1 }

func brokerKinds() []brokerKind {
	return []brokerKind{
		{"3.10", "3.10", 1, true},
		{"4.0", "4.0", 1, true},
		{"4.3", "4.3", 1, true},
		{"3.10x3", "3.10", 3, false},
		{"4.3x3", "4.3", 3, false},
	}
}

func brokerNames() (all []string) {
	for _, b := range brokerKinds() {
		all = append(all, b.name)
	}
	return all
}

func contains(all []string, name string) bool { return slices.Contains(all, name) }

func chosenBrokers(o options) (chosen []brokerKind) {
	for _, b := range brokerKinds() {
		if contains(names(o.brokers, brokerNames()), b.name) {
			chosen = append(chosen, b)
		}
	}
	return chosen
}

// runBrokers runs the faults on some kinds at the same time, and returns the results in the order
// of the kinds.
func runBrokers(ctx context.Context, o options, all []brokerKind) ([]*result, error) {
	rows, errs := make([][]*result, len(all)), make([]error, len(all))
	free := make(chan struct{}, o.parallel)
	var running sync.WaitGroup
	for i, b := range all {
		free <- struct{}{}
		running.Go(func() {
			rows[i], errs[i] = runBroker(ctx, o, b)
			<-free
		})
	}
	running.Wait()
	return slices.Concat(rows...), errors.Join(errs...)
}

// runBroker starts the nodes of a kind, runs the chosen faults on them and removes them. A
// fault that failed may leave the nodes broken, so the next fault gets new ones.
func runBroker(ctx context.Context, o options, b brokerKind) (results []*result, err error) {
	var n *nodes
	defer func() {
		if n != nil {
			err = errors.Join(err, n.remove())
		}
	}()
	for _, f := range chosenFaults(o, b) {
		if ctx.Err() != nil {
			return results, ctx.Err()
		}
		if n == nil {
			if n, err = startNodes(ctx, o, b); err != nil {
				return results, fmt.Errorf("%s: %w", b.name, err)
			}
		}
		r, failed := runFault(ctx, o, n, f)
		results = append(results, r)
		if failed != nil {
			r.missf("failed: %v", failed)
			err = errors.Join(err, fmt.Errorf("%s: %s: %w", b.name, f.name, failed), n.remove())
			n = nil
		}
		logf("%s %s: %s", b.name, f.name, r)
	}
	return results, err
}
