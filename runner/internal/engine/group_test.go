package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/engine"
)

const twoVHosts = `{"vhosts": [{"name": "blue"}, {"name": "green"}], "permissions": [
	{"user": "guest", "vhost": "blue", "configure": ".*", "write": ".*", "read": ".*"},
	{"user": "guest", "vhost": "green", "configure": ".*", "write": ".*", "read": ".*"}]}`

// TestARunnerServesTwoVirtualHosts of a RabbitMQ: a message goes from the queue of one to the
// queue of the other.
func TestARunnerServesTwoVirtualHosts(t *testing.T) {
	node := rabbit.Start(t)
	node.Import(t, []byte(twoVHosts))
	noted := make(chan string, 1)
	note := handler.Func(func(_ context.Context, m *message.Message) error {
		noted <- m.Queue + ": " + string(m.Body)
		return nil
	})
	url := strings.TrimRight(node.URL(), "/")
	c := load(t, fmt.Sprintf(`
broker: {url: %q}
brokers: [{name: blue, url: %q}, {name: green, url: %q}]
queues:
  - {name: first, broker: blue, handlers: [{key: first, forward: {broker: green, key: second}}]}
  - {name: second, broker: green, handlers: [{key: second, go: note}]}
schedules: [{name: now, broker: blue, cron: "* * * * * *", key: first, body: hello}]
`, node.URL(), url+"/blue", url+"/green"))
	g, err := engine.NewGroup(engine.Options{
		Config: c, Go: inGo(note), Logger: slog.New(slog.DiscardHandler),
	}, func(string) (metric.MeterProvider, error) { return noop.NewMeterProvider(), nil })
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	select {
	case got := <-noted:
		if got != `second: "hello"` {
			t.Errorf("got %q", got)
		}
	case err := <-ended:
		t.Fatal(err)
	}
	if s := g.Status(); !s.Ready || len(s.Queues) != 2 || s.Queues[1].Broker != "green" {
		t.Errorf("the status is %+v", s)
	}
	stop()
	go func() {
		for range noted { // what else the schedule has published
			continue
		}
	}()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	close(noted)
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}
