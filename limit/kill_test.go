package limit_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	engine "github.com/warren-mq/warren/internal/amqp/limit"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/limit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const (
	slots     = 10
	replicas  = 5
	kills     = 6
	heartbeat = 10 * time.Second // the default
)

// child is a worker in a child process whose handlers keep a connection to the counter open.
func child(queue string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	fmt.Println("listening") // to signals
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("CHILD_URL")}, Logger: slog.New(slog.DiscardHandler)})
	q := w.Queue(worker.Queue{
		Name: queue, Type: "classic", Concurrency: 8, Middleware: []handler.Middleware{limit.Concurrency(queue, slots)},
	})
	q.Handle("#", handler.Func(func(ctx context.Context, _ *message.Message) error {
		return call(ctx, os.Getenv("CHILD_COUNTER"), 500*time.Millisecond)
	}))
	return w.Run(ctx)
}

// call is a call of the service that is to be protected: it answers the counter's questions for d.
func call(ctx context.Context, address string, d time.Duration) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	timer := time.AfterFunc(d, func() { _ = conn.Close() })
	defer timer.Stop()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	for question := make([]byte, 1); ; {
		if _, err := conn.Read(question); err != nil {
			return nil // the call has ended
		}
		if _, err := conn.Write(question); err != nil {
			return nil // the call has ended
		}
	}
}

// counter counts the calls that run at the same time.
type counter struct {
	listener net.Listener
	running  sync.WaitGroup
	checking sync.Mutex // so that each answer belongs to the last question

	mu    sync.Mutex
	calls map[*served]bool
	total int
	most  int       // calls that were running at the same time for sure
	full  time.Time // when there were as many as the limit
}

// served is one call.
type served struct {
	conn    net.Conn
	answers chan struct{} // to questions of check; closed at the end
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{listener: l, calls: make(map[*served]bool)}
	c.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.running.Go(func() { c.serve(&served{conn, make(chan struct{}, 1)}) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		c.running.Wait()
	})
	return c
}

func (c *counter) serve(s *served) {
	c.mu.Lock()
	c.calls[s] = true
	c.total++
	var others []*served
	for other := range c.calls {
		others = append(others, other)
	}
	c.mu.Unlock()
	if len(others) >= slots {
		c.running.Go(func() { c.check(others) })
	}
	for answer := make([]byte, 1); ; {
		if _, err := s.conn.Read(answer); err != nil {
			break
		}
		s.answers <- struct{}{}
	}
	_ = s.conn.Close()
	c.mu.Lock()
	delete(c.calls, s)
	c.mu.Unlock()
	close(s.answers)
}

// check asks each of the calls whether it is still running. Those that answer a question that
// was asked after the last of them began were running at the same time. The end of a process is
// noticed late, so counting connections would count calls that have ended.
func (c *counter) check(calls []*served) {
	c.checking.Lock()
	defer c.checking.Unlock()
	var asked []*served
	for _, s := range calls {
		if _, err := s.conn.Write([]byte("?")); err == nil {
			asked = append(asked, s)
		}
	}
	alive := 0
	for _, s := range asked {
		if _, ok := <-s.answers; ok {
			alive++
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most = max(c.most, alive)
	if alive >= slots {
		c.full = time.Now()
	}
}

func (c *counter) state() (total, most int, full time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total, c.most, c.full
}

// replica is a process. It has printed something when it listens to signals.
type replica struct {
	*exec.Cmd
	printed io.Reader
}

func startReplica(t *testing.T, url, queue string, c *counter) replica {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+queue, "CHILD_URL="+url, "CHILD_COUNTER="+c.listener.Addr().String())
	cmd.Stderr = os.Stderr
	printed, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	return replica{cmd, printed}
}

func (r replica) kill(t *testing.T) {
	t.Helper()
	if err := r.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = r.Wait() // it was killed
}

func (r replica) stop(t *testing.T) {
	t.Helper()
	_, err := r.printed.Read(make([]byte, 1))
	if err := errors.Join(err, r.Process.Signal(syscall.SIGTERM), r.Wait()); err != nil {
		t.Errorf("a replica ended with %v", err)
	}
}

// newQueue returns the name of a queue that holds messages, which is also the name of a limit.
func newQueue(t *testing.T, messages int) string {
	t.Helper()
	queue := "limit-" + rand.Text()
	ch := rabbit.Channel(t, rabbit.URL(t))
	if err := errors.Join(declare(ch, queue), publish(ch, queue, messages)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ch := rabbit.Channel(t, rabbit.URL(t))
		names := []string{queue, queue + ".dlq", topology.ParkingQueue(queue)}
		for i := range slots {
			names = append(names, engine.Spec{Name: queue}.Queue(i))
		}
		for _, name := range names {
			if _, err := ch.QueueDelete(name, false, false, false); err != nil {
				t.Error(err)
			}
		}
	})
	return queue
}

// declare declares the queue as its worker does.
func declare(ch *amqp091.Channel, queue string) error {
	for _, q := range (worker.Queue{Name: queue, Type: "classic"}).WorkQueue(nil).Topology().Queues {
		if q.Name != queue {
			continue
		}
		_, err := ch.QueueDeclare(q.Name, true, false, false, false, amqp091.Table(q.Arguments))
		return err
	}
	return errors.New("the topology lacks the queue")
}

func publish(ch *amqp091.Channel, queue string, n int) error {
	for i := range n {
		if err := ch.Publish("", queue, false, false, amqp091.Publishing{MessageId: strconv.Itoa(i)}); err != nil {
			return err
		}
	}
	return nil
}

// TestNeverMoreThanTheLimitWhenProcessesAreKilled kills one of five processes after the other
// while they want 40 calls at a time, and may have 10.
func TestNeverMoreThanTheLimitWhenProcessesAreKilled(t *testing.T) {
	rabbit.NeedsNetwork(t, "it kills processes")
	t.Parallel()
	c, queue, url := newCounter(t), newQueue(t, 10_000), rabbit.URL(t)
	processes := make([]replica, replicas)
	for i := range processes {
		processes[i] = startReplica(t, url, queue, c)
	}
	fullAfter(t, c, time.Now())
	var slowest time.Duration
	for i := range kills {
		processes[i%replicas].kill(t)
		killed := time.Now()
		processes[i%replicas] = startReplica(t, url, queue, c)
		slowest = max(slowest, fullAfter(t, c, killed))
	}
	var ending sync.WaitGroup
	for _, p := range processes {
		ending.Go(func() { p.stop(t) })
	}
	ending.Wait()
	total, most, _ := c.state()
	t.Logf("%d kills of 5 processes: %d calls, at most %d at a time, back to %d within %v", kills, total, most, slots, slowest)
	if most > slots {
		t.Errorf("%d calls at a time, want at most %d", most, slots)
	}
	if slowest > 2*heartbeat { // one heartbeat, unless the machine is very busy
		t.Errorf("back to %d calls after %v, want within a heartbeat of %v", slots, slowest, heartbeat)
	}
}

// fullAfter waits until as many calls as the limit run at the same time, seen after a moment.
func fullAfter(t *testing.T, c *counter, moment time.Time) time.Duration {
	t.Helper()
	var full time.Time
	rabbit.Eventually(t, time.Minute, func() bool {
		_, _, full = c.state()
		return full.After(moment)
	}, "all slots are in use")
	return full.Sub(moment)
}
