package command

import (
	"context"
	"errors"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/runner/internal/admin"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// queueNames returns the queues of c. If c has none, it returns the queues of the running
// runner.
func (p *Program) queueNames(ctx context.Context, c *config.Config) ([]string, error) {
	names := make([]string, 0, len(c.Queues))
	for _, q := range c.Queues {
		names = append(names, q.Name)
	}
	if len(names) > 0 {
		return names, nil
	}
	client, err := p.client(c)
	if err != nil {
		return nil, err
	}
	status, err := client.Status(ctx)
	for _, q := range status.Queues {
		names = append(names, q.Name)
	}
	return names, err
}

// runningConfig returns the configuration of the running runner if it has an embedded
// broker, and c otherwise.
func (p *Program) runningConfig(ctx context.Context, c *config.Config) *config.Config {
	client, err := p.client(c)
	if err != nil || !c.Broker.IsEmpty() && !c.Broker.IsEmbedded() {
		return c
	}
	status, err := client.Status(ctx)
	if err != nil || status.BrokerURL == "" {
		return c
	}
	text, err := client.Config(ctx)
	if err != nil {
		return c
	}
	running, err := config.Load(config.Source{
		Name: "the runner at " + client.Address, Data: text, Flags: map[string]string{"broker.url": status.BrokerURL},
	})
	if err != nil { // it contains hidden secrets, or handlers of another program
		return c
	}
	return running
}

// broker returns the configuration of c's broker. If c has no broker URL, or embedded:, it
// returns the broker of the running runner.
func (p *Program) broker(ctx context.Context, c *config.Config) (broker.Config, error) {
	b, err := wiring.Broker(c.Broker)
	if err != nil || !wiring.IsEmbedded(b) && !wiring.IsEmpty(b) {
		return b, err
	}
	client, err := p.client(c)
	if err != nil {
		return b, err
	}
	status, err := client.Status(ctx)
	switch {
	case errors.Is(err, admin.ErrNotRunning):
		return b, &statusError{exitBroker, errNoBroker}
	case err != nil:
		return b, err
	case status.BrokerURL == "":
		return b, &statusError{exitBroker, errors.New("runner: the running runner has no embedded broker: set broker.url to the RabbitMQ that it uses")}
	}
	return wiring.Fixed(b, status.BrokerURL), nil
}

// dial connects to the broker of c, trying each node once.
func (p *Program) dial(ctx context.Context, c *config.Config) (*amqp.Session, error) {
	b, err := p.broker(ctx, c)
	if err != nil {
		return nil, err
	}
	return amqp.Dial(ctx, amqp.Config(b), "command")
}
