package worker

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/amqp/limit"
	"github.com/warren-mq/warren/internal/panics"
	"github.com/warren-mq/warren/topology"
)

// Connections are two connections of a process to its broker: one consumes and one publishes,
// since a blocked publisher must not hold up acks. By default a worker has its own. With
// Config.Connections several workers share a pair, and each of them starts and drains
// by itself.
type Connections struct {
	consuming *amqp.Connector
	sender    *amqp.Sender

	declaring openers // one at a time declares the topology that all queues share
	session   *amqp.Session
	tracer    *amqp.Tracer // of replies
	declared  time.Time    // when that was done last, over session

	limits     *limit.Host // of the handlers of all queues
	announcing sync.Once
	fleet      *fleet.Member // see member

	mu    sync.Mutex
	turns map[string]openers // by exchange: held by the worker that consumes its parking queue
}

// Roles of connections, in names, events and metrics.
const (
	roleConsume = "consume"
	rolePublish = "publish"
)

// NewConnections returns connections that Run opens. onEvent, which may be nil, is called with
// SessionUp, SessionDown, ConnectFailed and LimitFailed, and must return quickly. A panic of it is logged.
func NewConnections(c broker.Config, onEvent func(Event)) *Connections {
	onEvent = logPanics(onEvent)
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
	connections := &Connections{
		consuming: amqp.NewConnector(amqp.Config(c), roleConsume, changed(roleConsume)),
		sender:    amqp.NewSender(amqp.Config(c), rolePublish, changed(rolePublish)),
		tracer:    amqp.NewTracer(amqp.Config(c)),
		declaring: make(openers, 1),
	}
	connections.limits = limit.NewHost(connections.consuming, connections.sender, func(name string, err error) {
		if onEvent != nil {
			onEvent(LimitFailed{Limit: name, Err: err})
		}
	})
	return connections
}

// logPanics returns f, which may be nil, with its panics logged: they would end the process.
func logPanics(f func(Event)) func(Event) {
	if f == nil {
		return nil
	}
	return func(e Event) {
		if caught := panics.Catch(func() { f(e) }); caught != nil {
			slog.Default().Error("worker: the function of NewConnections panicked", "event", fmt.Sprintf("%T", e), "error", caught, "stack", caught.Stack)
		}
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

// declareShared is Connections.declareShared, if the worker declares the queues of Warren.
func (w *Worker) declareShared(ctx context.Context, s *amqp.Session, age time.Duration) error {
	if !w.mode().Manages() {
		return nil
	}
	return w.connections.declareShared(ctx, s, age)
}

// turn returns what a worker holds while it consumes the parking queue of an exchange.
func (c *Connections) turn(exchange string) openers {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turns == nil {
		c.turns = make(map[string]openers)
	}
	if c.turns[exchange] == nil {
		c.turns[exchange] = make(openers, 1)
	}
	return c.turns[exchange]
}

// Run keeps both connections open until ctx is done, and closes them. The workers that share
// them must have returned by then. Run returns the errors of the configuration,
// broker.ErrRefused if the broker refuses the login, or broker.ErrNotConnected when the
// start-up time is over.
func (c *Connections) Run(ctx context.Context) error {
	open, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	ended := make(chan error, 2)
	go func() { ended <- c.consuming.Run(open) }()
	go func() { ended <- c.sender.Run(open) }()
	var err error
	left := 2
	select {
	case err = <-ended:
		left--
	case <-ctx.Done():
	}
	c.limits.Close() // while the connections are open
	cancel()
	for ; left > 0; left-- {
		err = cmp.Or(err, <-ended)
	}
	c.limits.Wait()
	return err
}

// Sender returns the sender of the publishing connection.
func (c *Connections) Sender() *amqp.Sender { return c.sender }
