package worker_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/middleware/adaptive"
)

// serve is an HTTP service in a process of its own, which answers in 20 ms. It prints its URL.
func serve() error {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends with the process
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/\n", l.Addr())
	return http.Serve(l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		<-time.After(20 * time.Millisecond)
	}))
}

// outage is a queue whose handler calls the service, with an adaptive limit around a breaker.
type outage struct {
	*bench
	ledger  *ledger
	service *process
	url     string
	client  http.Client
	limit   *adaptive.Limiter
	state   atomic.Value // of the breaker: gobreaker.State
	opened  atomic.Int64

	mu     sync.Mutex
	calls  int   // while the breaker is half-open
	probes []int // the calls of each time that the breaker was half-open
}

func newOutage(t *testing.T) *outage {
	t.Helper()
	o := &outage{bench: newBench(t), ledger: &ledger{handled: make(map[string]int)}, limit: adaptive.New(2, 16)}
	o.forgetful = true
	o.service = startProcess(t, "service", o.bench)
	url, err := bufio.NewReader(o.service.out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	o.url = strings.TrimSpace(url)
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	o.client.Transport = transport
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = o.service.cmd.Process.Kill() // it does not end by itself
		_ = o.service.cmd.Wait()
	})
	o.state.Store(gobreaker.StateClosed)
	o.queue.Concurrency, o.queue.Timeout, o.queue.Retry.MaxAttempts = 16, 500*time.Millisecond, 20
	o.queue.Middleware = []handler.Middleware{o.limit.Middleware, middleware.Breaker(gobreaker.Settings{Name: "service", Timeout: time.Second, OnStateChange: o.changed})}
	return o
}

// changed notes the states of the breaker. The breaker holds its lock, so no message passes it meanwhile.
func (o *outage) changed(_ string, from, to gobreaker.State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.Store(to)
	if to == gobreaker.StateOpen {
		o.opened.Add(1)
	}
	if from == gobreaker.StateHalfOpen {
		o.probes = append(o.probes, o.calls)
		o.calls = 0
	}
}

func (o *outage) handle(ctx context.Context, m *message.Message) error {
	o.mu.Lock()
	if o.state.Load() == gobreaker.StateHalfOpen {
		o.calls++
	}
	o.mu.Unlock()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url, nil)
	if err != nil {
		return err
	}
	answer, err := o.client.Do(r)
	if err != nil {
		return err
	}
	return errors.Join(answer.Body.Close(), o.ledger.Handle(ctx, m))
}

func (o *outage) signal(s syscall.Signal) {
	o.t.Helper()
	if err := o.service.cmd.Process.Signal(s); err != nil {
		o.t.Fatal(err)
	}
}

// TestNothingIsLostWhenAServiceHangs stops the process of a service by SIGSTOP while messages flow,
// and continues it after four probes.
func TestNothingIsLostWhenAServiceHangs(t *testing.T) {
	rabbit.NeedsNetwork(t, "it calls a service")
	t.Parallel()
	const messages = 3000
	o := newOutage(t)
	o.run(handler.Func(o.handle))
	publishNumbered(t, o.pub, 0, messages)
	o.eventually("the limit has risen to 8", func() bool { return o.limit.Limit() >= 8 })
	o.signal(syscall.SIGSTOP)
	stopped, before := time.Now(), o.limit.Limit()
	o.eventually("the breaker is open and the limit at its least", func() bool { return o.opened.Load() > 0 && o.limit.Limit() == 2 })
	t.Logf("the limit has gone from %d to 2 within %v", before, time.Since(stopped).Round(time.Millisecond))
	o.eventually("only the messages of probes are handled", func() bool { return o.opened.Load() >= 2 && o.limit.InUse() <= 2 })
	handled, _ := o.ledger.count()
	o.eventually("four probes have failed", func() bool { return o.opened.Load() >= 5 })
	if now, _ := o.ledger.count(); now != handled {
		t.Errorf("%d messages were handled by a service that hangs", now-handled)
	}
	o.signal(syscall.SIGCONT)
	rabbit.Eventually(t, 2*time.Minute, func() bool { return drained(o.ledger, messages) && o.depth(o.queue.Name) == 0 }, "every message is handled")
	o.eventually("the breaker is closed", func() bool { return o.state.Load() == gobreaker.StateClosed })
	balance(t, o.bench, o.ledger, messages, "a service that hangs")
	o.mu.Lock()
	defer o.mu.Unlock()
	t.Logf("calls of each probe: %v", o.probes)
	for _, calls := range o.probes {
		if calls != 1 {
			t.Errorf("%d messages were handled while the breaker was half-open, want 1", calls)
		}
	}
}
