package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
)

// fleet is two workers of the same queue. The first of them is the one whose consumer of the
// parking queue is active.
type fleet struct {
	node     *node
	arrivals *arrivals
	all      []*process
	down     time.Duration // the longest time for which the node was down
}

func (f *fleet) add(address string) error {
	p, err := spawn(address, f.arrivals)
	if err == nil {
		f.all = append(f.all, p)
	}
	return err
}

// actions are the faults by name: each happens while messages are published for the time of
// publishing.
var actions = map[string]struct {
	publishing time.Duration
	run        func(context.Context, *fleet) error
}{
	"consumer": {60 * time.Second, killConsumers},
	"node":     {90 * time.Second, killNode},
	"alarm":    {60 * time.Second, raiseAlarm},
	"frozen":   {75 * time.Second, freezeConsumer},
	"halfopen": {75 * time.Second, nil},
}

// faults publishes delayed messages and messages that fail once while faults happen.
func faults(ctx context.Context, n *node, o options) error {
	var rows [][]any
	for name := range strings.SplitSeq(o.fault, ",") {
		r, err := fault(ctx, n, o, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		rows = append(rows, r)
	}
	return show("fault | messages | lost | duplicates | longest stall | node down at most | late p50/p99 ms | latest | early", rows...)
}

func fault(ctx context.Context, n *node, o options, name string) ([]any, error) {
	act, ok := actions[name]
	if !ok {
		return nil, errors.New("unknown fault")
	}
	f := &fleet{node: n, arrivals: &arrivals{times: make([]int, o.n)}}
	first, run := n.url, act.run
	if run == nil {
		p, err := newProxy(n.url)
		if err != nil {
			return nil, err
		}
		defer p.close()
		first, run = p.url, func(context.Context, *fleet) error { return p.holdFor(40 * time.Second) }
	}
	if err := errors.Join(f.add(first), f.add(n.url)); err != nil {
		return nil, err
	}
	published := make(chan error, 1)
	go func() { published <- publishSteadily(ctx, n, o.n, act.publishing) }()
	<-time.After(5 * time.Second)
	err := errors.Join(run(ctx, f), <-published)
	f.arrivals.wait(ctx, 2*time.Minute)
	<-time.After(2 * time.Second) // for duplicates
	for _, p := range f.all {
		err = errors.Join(err, p.signal(syscall.SIGTERM))
	}
	came, duplicates := f.arrivals.count()
	a := f.arrivals
	return []any{name, o.n, o.n - came, duplicates, a.stall, f.down, &a.late, a.late.at(100), a.late.early()}, errors.Join(err, dropChild(n))
}

// publishSteadily publishes messages for about the given time. Every other one is delayed,
// and the others fail once; both by 1 to 5 s. A publish that failed is repeated.
func publishSteadily(ctx context.Context, n *node, messages int, during time.Duration) error {
	pub := publisher(n)
	var next atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	failed := make(chan error, 4*goroutines)
	for range 4 * goroutines {
		all.Go(func() {
			for i := int(next.Add(1) - 1); i < messages; i = int(next.Add(1) - 1) {
				<-time.After(time.Until(began.Add(during * time.Duration(i) / time.Duration(messages))))
				if err := publishOne(ctx, pub, i); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		})
	}
	all.Wait()
	close(failed)
	var err error
	for e := range failed {
		err = errors.Join(err, e)
	}
	return errors.Join(err, pub.Close())
}

func publishOne(ctx context.Context, pub *broker.Publisher, i int) error {
	delay := time.Second + time.Duration(i%4000)*time.Millisecond
	for {
		options, due := []broker.Option{broker.WithCodec(handler.Raw())}, time.Time{}
		if i%2 == 0 {
			options, due = append(options, broker.WithDelay(delay)), time.Now().Add(delay)
		}
		if err := pub.Publish(ctx, "key", dueBody(i, delay, due), options...); err == nil || ctx.Err() != nil {
			return err
		}
		<-time.After(100 * time.Millisecond)
	}
}

// killConsumers kills the process with the active consumer ten times.
func killConsumers(_ context.Context, f *fleet) error {
	for range 10 {
		if err := errors.Join(f.all[0].signal(syscall.SIGKILL), f.add(f.node.url)); err != nil {
			return err
		}
		f.all = f.all[1:]
		<-time.After(4 * time.Second)
	}
	return nil
}

// killNode kills the node three times.
func killNode(_ context.Context, f *fleet) error {
	for range 3 {
		began := time.Now()
		for _, command := range []string{"kill", "restart"} {
			if _, err := f.node.script(command); err != nil {
				return err
			}
		}
		f.down = max(f.down, time.Since(began))
		<-time.After(10 * time.Second)
	}
	return f.node.find()
}

// raiseAlarm raises a memory alarm of 10 s three times.
func raiseAlarm(_ context.Context, f *fleet) error {
	for range 3 {
		for _, watermark := range []string{"0.00001", "0.6"} {
			if _, err := f.node.script("ctl", "set_vm_memory_high_watermark", watermark); err != nil {
				return err
			}
			<-time.After(10 * time.Second)
		}
	}
	return nil
}

func freezeConsumer(_ context.Context, f *fleet) error { return freeze(f.all[0], 40*time.Second) }

// proxy passes connections to the node, and can hold all of them without closing them.
type proxy struct {
	listener net.Listener
	to, url  string
	open     sync.RWMutex // locked while it holds
}

func newProxy(node string) (*proxy, error) {
	u, err := url.Parse(node)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, to: u.Host}
	u.Host = l.Addr().String()
	p.url = u.String()
	go p.accept()
	return p, nil
}

func (p *proxy) close() { _ = p.listener.Close() } // its connections end with their clients

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = client.Close() // the node is down
			continue
		}
		go p.pass(client, server)
		go p.pass(server, client)
	}
}

func (p *proxy) pass(to, from net.Conn) {
	defer func() { _ = errors.Join(to.Close(), from.Close()) }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		p.open.RLock()
		p.open.RUnlock() //nolint:staticcheck // waits while the proxy holds its connections
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) holdFor(d time.Duration) error {
	p.open.Lock()
	<-time.After(d)
	p.open.Unlock()
	return nil
}
