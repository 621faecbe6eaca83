package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/internal/diagram"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// publishPage is the data of the form. Its fields may be given in the address.
type publishPage struct {
	Exchange  string   `json:"exchange"`
	Key       string   `json:"key"`
	Body      string   `json:"body"`
	Exchanges []string `json:"exchanges"` // of the topology
	Queues    []string `json:"queues"`
}

func (c *Console) showPublish(r *http.Request) (any, error) {
	query := r.URL.Query()
	p := publishPage{Exchange: query.Get("exchange"), Key: query.Get("key"), Body: query.Get("body"), Exchanges: []string{}, Queues: []string{}}
	for _, x := range c.config.Topology().Exchanges {
		if !diagram.IsInternal(x.Name) {
			p.Exchanges = append(p.Exchanges, x.Name)
		}
	}
	for _, q := range c.now.Load().Queues {
		p.Queues = append(p.Queues, q.Name)
	}
	return p, nil
}

const (
	maxDelay       = 365 * 24 * time.Hour
	publishTimeout = 15 * time.Second
)

// publish publishes a message, and returns once the broker has confirmed and routed it.
func (c *Console) publish(r *http.Request, v values) (outcome, error) {
	options, err := publishOptions(v)
	if err != nil {
		return outcome{}, err
	}
	exchange, key, body := v["exchange"], v["key"], []byte(v["body"])
	if exchange == "" && key == "" {
		return outcome{}, invalid(errors.New("console: publish: the exchange and the key are empty, want a key; with the default exchange it is the name of a queue"))
	}
	if err := c.check("", &message.Message{Exchange: exchange, RoutingKey: key, Body: body}); err != nil {
		return outcome{}, &statusError{http.StatusUnprocessableEntity, err}
	}
	cfg := c.config.Broker
	cfg.PublishTimeout, cfg.StartupTimeout = publishTimeout, publishTimeout
	unique, err := uuid.NewV7()
	if err != nil {
		return outcome{}, err
	}
	id := unique.String()
	p := broker.NewPublisher(cfg, exchange)
	err = p.Publish(r.Context(), key, body, append(options, broker.WithMessageID(id))...)
	if err := errors.Join(err, p.Close()); err != nil {
		if errors.Is(err, broker.ErrUnroutable) || errors.Is(err, broker.ErrMalformed) {
			err = &statusError{http.StatusUnprocessableEntity, err}
		}
		return outcome{}, err
	}
	return outcome{
		Text:   fmt.Sprintf("Published message %s to exchange %q with key %q. The broker has confirmed it.", id, line(exchange), line(key)),
		Detail: map[string]string{"id": id}, Page: "publish",
	}, nil
}

func publishOptions(v values) ([]broker.Option, error) {
	f := check.Of("console")
	headers, err := headerChanges(v["headers"])
	f.Add(err)
	priority, err := v.number("priority", 0, 255)
	f.Add(err)
	delay, err := v.duration("delay", maxDelay)
	f.Add(err)
	for name, value := range headers {
		f.Addf(value == nil, "the header %q has no value, want NAME=VALUE", name)
		f.Addf(record.IsOwn(name), "the header %q is written by Warren itself", name)
	}
	if err := f.Err(); err != nil {
		return nil, invalid(err)
	}
	kind := v["content_type"]
	if kind == "" && json.Valid([]byte(v["body"])) {
		kind = "application/json"
	}
	if kind == "" {
		kind = "text/plain; charset=utf-8"
	}
	options := []broker.Option{broker.WithHeaders(headers), broker.WithContentType(kind), broker.WithPriority(uint8(priority))}
	if delay > 0 {
		options = append(options, broker.WithDelay(delay))
	}
	return options, nil
}
