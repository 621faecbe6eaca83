package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/console"
	"github.com/warren-mq/warren/fleet"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const (
	patience = 60 * time.Second
	token    = "0123456789abcdef"
)

// bench is a work queue of a test's own, a console that shows it, and the console's server.
type bench struct {
	t       testing.TB
	cfg     broker.Config
	queue   string
	dlq     string
	channel *amqp.Channel
	url     string // of the console, with /console/
	log     *logs
}

// newBench returns a bench whose queue is declared. change may be nil.
func newBench(t testing.TB, change func(*console.Config)) *bench {
	t.Helper()
	return newBenchAt(t, rabbit.URL(t), change)
}

// newBenchAt is newBench on the broker at the address.
func newBenchAt(t testing.TB, address string, change func(*console.Config)) *bench {
	t.Helper()
	b := &bench{t: t, cfg: broker.Config{URL: address}, queue: rabbit.Queue(t), channel: rabbit.Channel(t, address), log: new(logs)}
	b.dlq = topology.DeadLetterQueue(b.queue)
	t.Cleanup(b.remove)
	own := topology.WorkQueue{Name: b.queue}.Topology()
	cfg := console.Config{
		Broker: b.cfg, Control: true, Token: func() (string, error) { return token, nil },
		Topology: func() topology.Topology { return own }, Logger: slog.New(slog.NewTextHandler(b.log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	b.serve(cfg)
	return b
}

func (b *bench) serve(cfg console.Config) {
	b.t.Helper()
	c, err := console.New(cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	server := httptest.NewServer(c)
	b.url = server.URL + "/console/"
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	b.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.t.Errorf("Run returned %v", err)
		}
		server.CloseClientConnections()
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
}

// remove deletes what the test declared.
func (b *bench) remove() {
	ch := rabbit.Channel(b.t, b.cfg.URL)
	for _, q := range []string{b.queue, b.dlq, topology.ParkingQueue(b.queue)} {
		if _, err := ch.QueueDelete(q, false, false, false); err != nil {
			b.t.Error(err)
		}
	}
}

// run has a worker handle the queue with h, until stop.
func (b *bench) run(h handler.Func, change ...func(*worker.Queue)) (stop func()) {
	b.t.Helper()
	w := worker.New(worker.Config{Broker: b.cfg, Logger: slog.New(slog.DiscardHandler), Fleet: &fleet.Config{}})
	q := worker.Queue{Name: b.queue, Concurrency: 4, Retry: retry.Policy{MaxAttempts: 1}}
	for _, f := range change {
		f(&q)
	}
	w.Queue(q).Handle("#", h)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("Run returned %v", err)
		}
	})
	b.t.Cleanup(stop)
	b.eventually("the worker is ready", func() bool { return w.Health().Ready })
	return stop
}

// publish publishes a message to the work queue.
func (b *bench) publish(body any, options ...broker.Option) {
	b.t.Helper()
	p := broker.NewPublisher(b.cfg, "")
	if err := p.Publish(b.t.Context(), b.queue, body, options...); err != nil {
		b.t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		b.t.Fatal(err)
	}
}

// fail makes dead letters with the ids NAME-0, NAME-1 and so on.
func (b *bench) fail(n int, name, text string) {
	b.t.Helper()
	stop := b.run(func(context.Context, *message.Message) error { return retry.Permanent(errors.New(text)) },
		func(q *worker.Queue) { q.Concurrency = 1 }) // which keeps their order
	before := rabbit.Depth(b.t, b.channel, b.dlq)
	for i := range n {
		b.publish(map[string]int{"n": i}, broker.WithMessageID(fmt.Sprintf("%s-%d", name, i)), broker.WithHeader("tenant", "blue"))
	}
	b.eventually("the messages are dead letters", func() bool { return rabbit.Depth(b.t, b.channel, b.dlq) == before+n })
	stop()
}

func (b *bench) eventually(what string, cond func() bool) {
	b.t.Helper()
	rabbit.Eventually(b.t, patience, cond, what)
}

// request sends a request with the token.
func (b *bench) request(method, path string, body io.Reader, header ...string) (int, string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	return do(b.t, r)
}

// do sends a request and follows no redirects.
func do(t testing.TB, r *http.Request) (int, string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if to := answer.Header.Get("Location"); to != "" {
		return answer.StatusCode, to
	}
	return answer.StatusCode, string(text)
}

// page returns a page, which must exist.
func (b *bench) page(path string) string {
	b.t.Helper()
	status, text := b.request(http.MethodGet, path, nil)
	if status != http.StatusOK {
		b.t.Fatalf("GET %s: status %d: %s", path, status, text)
	}
	return text
}

// get reads the data of a page into v.
func (b *bench) get(path string, v any) {
	b.t.Helper()
	if err := json.Unmarshal([]byte(b.page("api/"+path)), v); err != nil {
		b.t.Fatalf("GET api/%s: %v", path, err)
	}
}

// done is what an action answers.
type done struct {
	Text   string          `json:"text"`
	Failed bool            `json:"failed"`
	Error  string          `json:"error"`
	Detail json.RawMessage `json:"detail"`
}

// begun is the detail of a long action.
type begun struct {
	Job string `json:"job"`
}

// act calls an action of the API.
func (b *bench) act(path string, arguments map[string]any) (int, done) {
	b.t.Helper()
	body, err := json.Marshal(arguments)
	if err != nil {
		b.t.Fatal(err)
	}
	status, text := b.request(http.MethodPost, "api/"+path, bytes.NewReader(body), "Content-Type", "application/json")
	var d done
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		b.t.Fatalf("POST api/%s: %v: %s", path, err, text)
	}
	return status, d
}

// must calls an action that must succeed.
func (b *bench) must(path string, arguments map[string]any) done {
	b.t.Helper()
	status, d := b.act(path, arguments)
	if status != http.StatusOK {
		b.t.Fatalf("POST api/%s: status %d: %s", path, status, d.Error)
	}
	return d
}

// job waits until a long action has ended.
type job struct {
	State, Error, Canary, By string
	Total, Done, Skipped     int
}

func (b *bench) job(d done) (j job) {
	b.t.Helper()
	var detail begun
	if err := json.Unmarshal(d.Detail, &detail); err != nil {
		b.t.Fatal(err)
	}
	b.eventually("the action has ended", func() bool {
		b.get("jobs/"+detail.Job, &j)
		return j.State != "running"
	})
	return j
}

// queueState is what the API says about a queue.
type queueState struct {
	Consumers   int `json:"consumers"`
	Concurrency int `json:"concurrency"`
	Dead        int `json:"dead_letters"`
	Members     []struct {
		Process string `json:"process"`
		State   string `json:"state"`
	} `json:"members"`
	Messages []struct {
		Process string `json:"process"`
		ID      string `json:"id"`
	} `json:"messages_in_hand"`
	Problems []struct {
		Text string `json:"text"`
	} `json:"problems"`
}

// state waits until the console says of the queue what cond wants.
func (b *bench) state(what string, cond func(queueState) bool) (s queueState) {
	b.t.Helper()
	b.eventually(what, func() bool {
		status, text := b.request(http.MethodGet, "api/queues/"+url.PathEscape(b.queue), nil)
		s = queueState{}
		return status == http.StatusOK && json.Unmarshal([]byte(text), &s) == nil && cond(s)
	})
	return s
}

// logs collects log lines.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
