package worker

import (
	"cmp"
	"context"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/topology"
)

// Connections are a process's connections to its broker: one consumes, and one
// publishes, since a blocked publisher must not stop acks. A worker has its own unless
// Config.Connections is set; with that, several workers share a pair, and each of them
// starts and drains alone.
type Connections struct {
	consuming *amqp.Connector
	sender    *amqp.Sender

	declaring openers // one at a time declares the topology that all queues share
	session   *amqp.Session
	declared  time.Time // when that was done last, over session
}

// Roles of connections, as names, events and metrics have them.
const (
	roleConsume = "consume"
	rolePublish = "publish"
)

// NewConnections returns connections that Run opens. onEvent sees SessionUp,
// SessionDown and ConnectFailed; it may be nil, and it must be quick.
func NewConnections(c broker.Config, onEvent func(Event)) *Connections {
	changed := func(role string) func(*amqp.Session, error) {
		return func(s *amqp.Session, err error) {
			switch {
			case onEvent == nil:
			case s == nil:
				onEvent(SessionDown{Role: role, Err: err})
			default:
				onEvent(SessionUp{Role: role, Address: s.Address(), Version: s.BrokerVersion()})
			}
		}
	}
	if inner := c.OnConnectFailed; onEvent != nil {
		c.OnConnectFailed = func(role string, err error) {
			onEvent(ConnectFailed{Role: role, Err: err})
			if inner != nil {
				inner(role, err)
			}
		}
	}
	return &Connections{
		consuming: amqp.NewConnector(amqp.Config(c), roleConsume, changed(roleConsume)),
		sender:    amqp.NewSender(amqp.Config(c), rolePublish, changed(rolePublish)),
		declaring: make(openers, 1),
	}
}

// declareShared declares the topology that all queues share, unless that was done over
// this session within age.
func (c *Connections) declareShared(ctx context.Context, s *amqp.Session, age time.Duration) error {
	release, err := c.declaring.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	if c.session == s && time.Since(c.declared) < age {
		return nil
	}
	if err := s.Declare(ctx, topology.Shared()); err != nil {
		return err
	}
	c.session, c.declared = s, time.Now()
	return nil
}

// Run keeps both connections open until ctx is done, and closes them. The workers that
// share them must have returned by then. The error is what is wrong with the
// configuration; broker.ErrRefused; or broker.ErrNotConnected when the start-up time is
// over.
func (c *Connections) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 2)
	go func() { ended <- c.consuming.Run(ctx) }()
	go func() { ended <- c.sender.Run(ctx) }()
	err := <-ended
	cancel()
	return cmp.Or(err, <-ended)
}

// Sender publishes over the connection that is there for it.
func (c *Connections) Sender() *amqp.Sender { return c.sender }
