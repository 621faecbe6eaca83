package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const (
	childURL      = "BENCH_URL" // makes this program a worker
	childQueue    = "bench-delays"
	childExchange = "bench-delayed"
)

// dueBody is body with the time at which a delayed message is due; zero if it is to be
// retried.
func dueBody(i int, delay time.Duration, due time.Time) []byte {
	b := body(i, delay)
	if !due.IsZero() {
		binary.BigEndian.PutUint64(b[16:], uint64(due.UnixNano()))
	}
	return b
}

// arrival reads the body of a message that has come, and returns when it was due. A message
// that is to be retried and has not failed yet has no such time.
func arrival(m *message.Message) (i int, due time.Time) {
	i = int(binary.BigEndian.Uint64(m.Body))
	if at := binary.BigEndian.Uint64(m.Body[16:]); at > 0 {
		return i, time.Unix(0, int64(at))
	}
	if m.Attempt == 1 {
		return i, time.Time{}
	}
	failed, err := m.Headers.Time(record.HeaderLastFailedAt)
	if err != nil {
		return i, time.Time{}
	}
	return i, failed.Add(delayOf(m.Body))
}

// child is a worker that writes each message that has come: its number, when it was due and
// when it came, in Unix nanoseconds.
func child(url string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	h := handler.Func(func(_ context.Context, m *message.Message) error {
		i, due := arrival(m)
		if due.IsZero() {
			return retry.After(delayOf(m.Body), errAgain)
		}
		_, err := fmt.Fprintln(os.Stdout, i, due.UnixNano(), time.Now().UnixNano())
		return err
	})
	end, err := runWorker(ctx, url, worker.Queue{Name: childQueue, Exchange: childExchange, Concurrency: goroutines}, "#", h)
	if err == nil {
		_, err = fmt.Fprintln(os.Stdout, "ready")
		<-ctx.Done()
		err = errors.Join(err, end())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// process is a worker in a process of its own.
type process struct {
	cmd   *exec.Cmd
	ready chan struct{}
	read  chan struct{} // closed when its output has ended
}

// spawn starts a worker and passes what it writes to a.
func spawn(url string, a *arrivals) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(self), ready: make(chan struct{}), read: make(chan struct{})}
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), childURL+"="+url), os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.scan(out, a)
	select {
	case <-p.ready:
		return p, nil
	case <-p.read:
		return nil, errors.Join(errors.New("the worker has ended"), p.cmd.Wait())
	}
}

func (p *process) scan(out io.Reader, a *arrivals) {
	defer close(p.read)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var i int
		var due, came int64
		if lines.Text() == "ready" {
			close(p.ready)
		} else if _, err := fmt.Sscan(lines.Text(), &i, &due, &came); err == nil {
			a.add(i, time.Unix(0, due), time.Unix(0, came))
		}
	}
}

// signal sends a signal, and waits for the end of the process if that ends it.
func (p *process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return err
	}
	if s != syscall.SIGTERM && s != syscall.SIGKILL {
		return nil
	}
	<-p.read
	_ = p.cmd.Wait() // it was killed
	return nil
}

// arrivals are the messages that have come.
type arrivals struct {
	mu    sync.Mutex
	times []int // by number
	late  lateness
	each  func(i int, late time.Duration)
	last  time.Time
	stall time.Duration // the longest time without a message while one was due
}

func (a *arrivals) add(i int, due, came time.Time) {
	a.late.add(came.Sub(due))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times[i]++
	if a.each != nil {
		a.each(i, came.Sub(due))
	}
	if !a.last.IsZero() {
		a.stall = max(a.stall, min(came.Sub(a.last), came.Sub(due)))
	}
	a.last = came
}

func (a *arrivals) count() (distinct, duplicates int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range a.times {
		if n > 0 {
			distinct++
			duplicates += n - 1
		}
	}
	return distinct, duplicates
}

// wait waits until all have come, or none has come for a while.
func (a *arrivals) wait(ctx context.Context, patience time.Duration) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for before, since := -1, time.Now(); time.Since(since) < patience; {
		n, _ := a.count()
		if n == len(a.times) {
			return
		}
		if n != before {
			before, since = n, time.Now()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// dropChild deletes what the workers have declared.
func dropChild(n *node) error {
	return n.drop([]string{
		childQueue, topology.ParkingQueue(childQueue), topology.DeadLetterQueue(childQueue), topology.ExchangeParking(childExchange),
	}, []string{childExchange})
}

// publisher returns a publisher to the exchange of the workers.
func publisher(n *node) *broker.Publisher {
	return broker.NewPublisher(broker.Config{URL: n.url, PublishTimeout: time.Minute}, childExchange)
}
