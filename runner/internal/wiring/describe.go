package wiring

import (
	"cmp"
	"encoding/json"

	"github.com/warren-mq/warren/asyncapi"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/worker"
)

// Describe returns what a runner consumes and publishes. The payloads are the schemas of the
// handlers, or the types of the handlers in Go.
func Describe(c *config.Config, inGo map[string]handler.Handler) (app asyncapi.Application, err error) {
	for _, url := range append(c.Broker.URLs, c.Broker.URL) {
		text, err := url.Reveal()
		if err != nil {
			return app, err
		}
		if text != "" && text != config.Embedded {
			app.Servers = append(app.Servers, text)
		}
	}
	kinds := make(map[string]string)
	for _, e := range c.Exchanges {
		kinds[e.Name] = e.Type
	}
	for _, q := range c.Queues {
		d := worker.QueueDescription{WorkQueue: q.Worker(c.Exchanges).WorkQueue(nil)}
		for _, h := range q.Handlers {
			one, err := describeHandler(h, inGo)
			if err != nil {
				return app, err
			}
			d.Handlers = append(d.Handlers, one)
			if f := h.Forward; f != nil && f.Broker == "" {
				app.Sends = append(app.Sends, asyncapi.Send{Exchange: f.Exchange, ExchangeKind: kinds[f.Exchange], Key: cmp.Or(f.Key, h.Key), Schema: one.Schema})
			}
		}
		app.Queues = append(app.Queues, d)
	}
	for _, s := range c.Schedules {
		app.Sends = append(app.Sends, asyncapi.Send{Exchange: s.Exchange, ExchangeKind: kinds[s.Exchange], Key: s.Key, ContentType: s.ContentType})
	}
	return app, nil
}

func describeHandler(h config.Handler, inGo map[string]handler.Handler) (worker.HandlerDescription, error) {
	d := worker.HandlerDescription{Pattern: h.Key}
	if h.Go != "" {
		d = worker.DescribeHandler(h.Key, inGo[h.Go])
	}
	if h.Schema == "" {
		return d, nil
	}
	text, err := schemaText(h)
	if len(d.ContentTypes) == 0 {
		d.ContentTypes = []string{"application/json"}
	}
	d.Schema = json.RawMessage(text)
	return d, err
}
