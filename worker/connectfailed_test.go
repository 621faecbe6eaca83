package worker_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// lockedBuffer is a log that several goroutines write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestAFailingReconnectIsLoggedWithItsCause and is an event, for each of the connections.
func TestAFailingReconnectIsLoggedWithItsCause(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		b := newBench(t)
		b.url = proxy.URL()
		var log lockedBuffer
		r := b.run(handler.Func(func(context.Context, *message.Message) error { return nil }), func(c *worker.Config) {
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		})
		proxy.Cut()
		b.eventually("both connections say why they fail", func() bool {
			roles := make(map[string]bool)
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, e := range b.events {
				if failed, ok := e.(worker.ConnectFailed); ok && strings.Contains(failed.Err.Error(), "refused") {
					roles[failed.Role] = true
				}
			}
			return roles["consume"] && roles["publish"]
		})
		proxy.Restore(t)
		b.eventually("the worker consumes again", func() bool { return r.worker.Health().Ready })
		if text := log.String(); !strings.Contains(text, "worker: connect failed, trying again") || !strings.Contains(text, "refused") {
			t.Errorf("the log is\n%s\nwant the failure with its cause", text)
		}
	})
}
