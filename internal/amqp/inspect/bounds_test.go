package inspect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/inspect"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
)

// TestLargeMessagesBehindSmallOnesDoNotFillTheMemory: the window that the small messages allow
// would hold all large ones. It is read from an untouched queue and from one that was read before.
func TestLargeMessagesBehindSmallOnesDoNotFillTheMemory(t *testing.T) {
	t.Parallel()
	const small, most = 700, 33 << 20
	tests := map[string]struct {
		large        int
		body, header string
	}{
		"large bodies":  {40, strings.Repeat(" ", 1<<20), ""},
		"large headers": {350, "", strings.Repeat("x", 100<<10)},
	}
	for name, tt := range tests {
		rabbit.Run(t, name, func(t *testing.T) {
			queue, ch := deadLetters(t, small)
			n := small + tt.large
			publish(t, queue, numbers(n)[small:], tt.body, tt.header)
			for range 2 {
				i := open(t, queue)
				got, largest := readAll(t, i, n)
				if !slices.Equal(got, numbers(n)) {
					t.Errorf("read %d messages, want %d, each once and in their order", len(got), n)
				}
				if largest > most {
					t.Errorf("%d bytes waited in memory, want %d at most", largest, most)
				}
				closed(t, i)
				if depth := rabbit.Depth(t, ch, queue); depth != n {
					t.Errorf("then there are %d messages, want %d", depth, n)
				}
			}
		})
	}
}

// publish publishes the bodies, each with the padding and a header.
func publish(t *testing.T, queue string, bodies []string, padding, header string) {
	t.Helper()
	items := make([]broker.Item, len(bodies))
	for i, body := range bodies {
		items[i] = broker.Item{Key: queue, Body: []byte(body + padding), Options: []broker.Option{broker.WithHeader("text", header)}}
	}
	if err := filler(t).PublishBatch(t.Context(), items...); err != nil {
		t.Fatal(err)
	}
}

// readAll returns the bodies without their padding, and the most bytes that waited.
func readAll(t *testing.T, i *inspect.Inspection, n int) (bodies []string, largest int) {
	t.Helper()
	err := i.Read(t.Context(), n, func(h *inspect.Held) (bool, error) {
		var m message.Message
		h.Fill(&m)
		body, _, _ := bytes.Cut(m.Body, []byte(" "))
		bodies, largest = append(bodies, string(body)), max(largest, i.Waiting())
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bodies, largest
}

// TestAReadThatIsCutEndsWhereItsFunctionWants ends a read in the part that was cut.
func TestAReadThatIsCutEndsWhereItsFunctionWants(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const n, end = 100, 90
		queue, _ := deadLetters(t, 40)
		publish(t, queue, numbers(n)[40:], strings.Repeat(" ", 1<<20), "")
		i := open(t, queue)
		seen, enough := 0, errors.New("enough")
		err := i.Read(t.Context(), n, func(*inspect.Held) (bool, error) {
			if seen++; seen == end {
				return true, enough
			}
			return true, nil
		})
		if !errors.Is(err, enough) || seen != end {
			t.Errorf("Read returned %v after %d messages, want the error of its function after %d", err, seen, end)
		}
		closed(t, i)
	})
}

// TestManyWindowsKeepTheOrder: the requeues of each window are commands of their own.
func TestManyWindowsKeepTheOrder(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const n, window = 600, 5
		queue, _ := deadLetters(t, n)
		for range 3 {
			i := open(t, queue)
			var got []string
			for len(got) < n {
				got = append(got, look(t, i, window)...)
			}
			if !slices.Equal(got, numbers(n)) {
				t.Errorf("looked at %d messages in another order than they were published", len(got))
			}
			closed(t, i)
		}
	})
}

// TestACancelledInspectionDoesNotTakeTheWholeQueue, although KeepOrder was called: the messages
// that it has taken go behind the others.
func TestACancelledInspectionDoesNotTakeTheWholeQueue(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const n, part, took = 3000, 20, 20 + orderAtMost
		queue, ch := deadLetters(t, n)
		i := open(t, queue)
		look(t, i, n)
		closed(t, i)
		ctx, cancel := context.WithCancel(t.Context())
		i, err := inspect.Open(ctx, here(t), queue)
		if err != nil {
			t.Fatal(err)
		}
		if err := i.KeepOrder(ctx); err != nil {
			t.Fatal(err)
		}
		look(t, i, part)
		cancel()
		closed(t, i)
		if depth := rabbit.Depth(t, ch, queue); depth != n {
			t.Errorf("then there are %d messages, want %d", depth, n)
		}
		all := numbers(n)
		for _, want := range [][]string{slices.Concat(all[took:], all[:took]), all} {
			i := open(t, queue)
			if got := look(t, i, n); !slices.Equal(got, want) {
				t.Errorf("looked at %d messages from %s on, want %d from %s on", len(got), got[0], len(want), want[0])
			}
			closed(t, i)
		}
	})
}

// TestACancelledInspectionOfASilentBrokerEnds in the time of a bubble.
func TestACancelledInspectionOfASilentBrokerEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, err := devbroker.Pipe(devbroker.Config{Heartbeat: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}()
		silent := make(chan struct{})
		cfg := amqp.Config{URL: b.URL(), Heartbeat: time.Hour, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := b.DialContext(ctx, network, address)
			return &muted{Conn: conn, silent: silent, closed: make(chan struct{})}, err
		}}
		declare(t, cfg, "q")
		ctx, cancel := context.WithCancel(t.Context())
		i, err := inspect.Open(ctx, cfg, "q")
		if err != nil {
			t.Fatal(err)
		}
		close(silent)
		cancel()
		began := time.Now()
		_ = i.Close()
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("Close took %v, want 5 s and 5 s for the connection", took)
		}
	})
}

func declare(t *testing.T, cfg amqp.Config, queue string) {
	t.Helper()
	session, err := amqp.Dial(t.Context(), cfg, "test")
	if err != nil {
		t.Fatal(err)
	}
	ch, err := session.Channel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = ch.QueueDeclare(queue, true, false, false, false, amqp091.Table{"x-queue-type": "quorum"})
	if err := errors.Join(err, session.Close()); err != nil {
		t.Fatal(err)
	}
}

// muted is a connection from which no more bytes come once silent is closed.
type muted struct {
	net.Conn
	silent <-chan struct{}
	once   sync.Once
	closed chan struct{}
}

func (m *muted) Read(b []byte) (int, error) {
	n, err := m.Conn.Read(b)
	select {
	case <-m.silent:
		<-m.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (m *muted) Close() error {
	m.once.Do(func() { close(m.closed) })
	if err := m.Conn.Close(); err != nil {
		return fmt.Errorf("close a muted connection: %w", err)
	}
	return nil
}
