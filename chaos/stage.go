package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

const workers = 2 // processes that consume at a time

// stage is one run of a fault: a virtual host of its own, workers and a load.
type stage struct {
	options options
	nodes   *nodes
	fault   fault
	dir     string // of the ledger, the URLs and the outbox
	vhost   string
	random  *rand.Rand
	modes   []mode
	proxies []*proxy
	fleet   *fleet
	load    *load
	ledger  *ledger

	begun   time.Time // of the fault
	gone    time.Time // the fault's cause was gone; zero if it has no such moment
	deleted time.Time // when the fault deleted messages
	queue   string    // whose messages it deleted; empty means all
	stopped time.Duration
}

// runFault runs a fault on the nodes, once or in several rounds.
func runFault(ctx context.Context, o options, n *nodes, f fault) (*result, error) {
	total := newResult(f, n)
	for round := range f.roundsOf(o) {
		s, err := newStage(ctx, o, n, f, round)
		if err == nil {
			err = s.run(ctx, total)
			err = errors.Join(err, s.close(ctx, o.keep || err != nil || total.total("lost") > 0))
		}
		if err != nil {
			return total, err
		}
	}
	total.judge()
	return total, nil
}

func newStage(ctx context.Context, o options, n *nodes, f fault, round int) (s *stage, err error) {
	hash := fnv.New64a()
	_, _ = fmt.Fprint(hash, f.name, n.kind.name, round) // a hash takes all
	s = &stage{
		options: o, nodes: n, fault: f, vhost: fmt.Sprintf("%s-%d", f.name, round),
		random: rand.New(rand.NewPCG(o.seed, hash.Sum64())),
		modes:  chosenModes(names(o.modes, f.modes)),
	}
	if s.dir, err = os.MkdirTemp(n.dir, "stage-"); err != nil {
		return nil, err
	}
	s.ledger = newLedger(s.dir)
	s.fleet = &fleet{setup: setup{Dir: s.dir}}
	for _, m := range s.modes {
		s.fleet.setup.Modes = append(s.fleet.setup.Modes, m.name)
	}
	if err := n.addVhost(ctx, s.vhost); err != nil {
		return nil, err
	}
	if f.prepare != nil {
		err = f.prepare(ctx, s)
	} else {
		err = s.setPassword(user)
	}
	if err != nil {
		return nil, err
	}
	s.load, err = newLoad(ctx, s.dir, s.modes)
	return s, err
}

// setPassword writes the URLs of all nodes with a password.
func (s *stage) setPassword(password string) error {
	urls := make([]string, 0, len(s.nodes.urls))
	for i := range s.nodes.urls {
		urls = append(urls, s.nodes.address(i, s.vhost, password))
	}
	return writeURLs(s.dir, urls)
}

// run runs the load and the fault, and adds what came of the messages to r.
func (s *stage) run(ctx context.Context, r *result) error {
	for range workers {
		if err := s.fleet.add(); err != nil {
			return errors.Join(err, s.fleet.end())
		}
	}
	wait(ctx, 5*time.Second) // a killed node may lose queues that were just declared
	loading, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	published, acted := make(chan error, 1), make(chan struct{})
	go func() {
		published <- s.load.publish(loading, s.modes, volume{s.options.n, s.fault.during(s.options), s.options.seed}, acted)
	}()
	s.pause(ctx, 5*time.Second)
	s.begun = time.Now()
	err := s.fault.act(ctx, s)
	close(acted)
	if err != nil {
		cancel(err)
	}
	err = errors.Join(err, <-published, ctx.Err())
	if err == nil {
		err = s.settle(ctx)
	}
	// Messages in the retry after the stop would be counted as lost, so the workers stop last.
	err = errors.Join(err, s.fleet.end())
	if err == nil {
		r.add(s)
	}
	return err
}

// settle waits until all messages were handled, or until none was for the patience.
func (s *stage) settle(ctx context.Context) error {
	const patience = 4 * time.Minute // RabbitMQ 3.10 may repeat a dead lettering after 180 s
	before, since := -1, time.Now()
	for ctx.Err() == nil && time.Since(since) < patience {
		if err := s.ledger.read(); err != nil {
			return err
		}
		handled, missing := s.progress()
		if missing == 0 {
			break
		}
		if handled != before {
			before, since = handled, time.Now()
		}
		wait(ctx, 200*time.Millisecond)
	}
	wait(ctx, 3*time.Second) // for duplicates
	return errors.Join(ctx.Err(), s.ledger.read(), s.readDeadLetters(ctx))
}

// progress returns how many messages were handled and how many were not, dead letters not
// counted.
func (s *stage) progress() (handled, missing int) {
	for _, m := range s.modes {
		switch m.name {
		case deadLetters:
		case "schedule":
			if int64(s.ledger.last(m.name)) < s.load.ended.Unix() {
				missing++
			}
		default:
			handled += s.ledger.count(m.name)
			missing += s.ledger.missing(m.name, s.sent(m.name))
		}
	}
	return handled, missing
}

// sent returns the messages of a mode that must be handled, with the times of their confirms.
func (s *stage) sent(mode string) map[int]time.Time {
	all := s.load.sent[mode]
	if mode == "schedule" {
		all = ticks(s.ledger.copies[mode], s.load.ended)
	}
	if s.deleted.IsZero() || s.queue != "" && s.queue != mode {
		return all
	}
	kept := make(map[int]time.Time)
	for number, at := range all {
		if at.After(s.deleted) {
			kept[number] = at
		}
	}
	return kept
}

// close deletes the virtual host and, unless keep is set, the files of the stage.
func (s *stage) close(ctx context.Context, keep bool) error {
	for _, p := range s.proxies {
		p.close()
	}
	_, err := s.nodes.ctl(ctx, 0, "delete_vhost", s.vhost)
	err = errors.Join(err, s.load.close())
	if keep {
		kept, failed := os.MkdirTemp("", "warren-chaos-kept-")
		logf("%s: the ledgers and logs are in %s", s.vhost, kept)
		return errors.Join(err, failed, os.Rename(s.dir, filepath.Join(kept, s.vhost)))
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// pause waits for d, or for a sixth of it with -short.
func (s *stage) pause(ctx context.Context, d time.Duration) { wait(ctx, s.options.scaled(d)) }

func (o options) scaled(d time.Duration) time.Duration {
	if o.short {
		return d / 6
	}
	return d
}
