package broker

import (
	"context"
	"sync"

	"github.com/warren-mq/warren/internal/amqp"
)

// Publisher publishes to one exchange. It is safe for concurrent use: goroutines
// that publish at once share one channel, each waiting for its own confirm.
type Publisher struct {
	cfg      Config
	exchange string
	shared   bool // the sender belongs to a caller, who runs it
	tracer   *amqp.Tracer
	ctx      context.Context // ends with Close
	stop     context.CancelFunc
	running  sync.WaitGroup

	mu     sync.Mutex
	sender *amqp.Sender // nil until the first publish, and after a start that failed
}

// NewPublisher returns a publisher to the exchange, which must exist; "" is the
// default exchange, whose routing keys are queue names. It connects at the first
// publish and again whenever the connection is lost, until Close.
func NewPublisher(cfg Config, exchange string) *Publisher {
	ctx, stop := context.WithCancel(context.Background())
	return &Publisher{cfg: cfg, exchange: exchange, tracer: amqp.NewTracer(amqp.Config(cfg)), ctx: ctx, stop: stop}
}

// PublisherOver returns a publisher to the exchange that uses the connection of s while s
// runs. Before s.Run is called a publish waits; after Run has ended, the error is
// ErrClosed. Close leaves s open. See NewPublisher for exchange.
func PublisherOver(s *amqp.Sender, exchange string) *Publisher {
	p := NewPublisher(Config(s.Config()), exchange)
	p.shared, p.sender = true, s
	return p
}

// Publish sends body with the routing key. It returns nil only after the broker confirmed
// the message and routed it to at least one queue. Otherwise the error is ErrUnroutable,
// ErrNacked, ErrNotConnected, ErrBlocked, ErrRefused, ErrTooLarge, ErrMalformed, ErrClosed,
// the error of ctx, or the error of encoding the body; with WithDelay also a
// *topology.ConflictError. Without a deadline in ctx it takes at most Config.PublishTimeout.
//
// The broker closes the shared channel when it refuses a message. Other messages on the
// channel are sent again on the next channel, within their time. They may arrive twice.
//
// A []byte is sent unchanged. Any other body is sent as JSON unless WithCodec is given. The
// message is persistent. If the options set no id or timestamp, the id is a UUIDv7 and the
// timestamp is the present time.
func (p *Publisher) Publish(ctx context.Context, key string, body any, opts ...Option) error {
	sender, err := p.live()
	if err != nil {
		return err
	}
	out := described(p.exchange, Item{key, body, opts})
	if out.mayWait() {
		var cancel context.CancelFunc
		ctx, cancel = sender.Bounded(ctx)
		defer cancel()
	}
	if err := out.encode(ctx, body); err != nil {
		return err
	}
	ctx, span := p.tracer.Start(ctx, &out.message)
	err = p.publish(ctx, sender, &out)
	span.End(err)
	if err != nil {
		out.failed(ctx, err)
	}
	return err
}

func (p *Publisher) publish(ctx context.Context, sender *amqp.Sender, out *outgoing) error {
	exchange, key, err := p.address(ctx, sender, out)
	if err != nil {
		return amqp.PublishError(p.exchange, out.key, err)
	}
	return sender.Send(ctx, exchange, key, &out.message)
}

// address returns where the message is published: to the exchange, or first to the parking
// queue.
func (p *Publisher) address(ctx context.Context, sender *amqp.Sender, out *outgoing) (exchange, key string, err error) {
	if out.delay <= 0 {
		return p.exchange, out.key, nil
	}
	queue, err := sender.Parking(ctx, p.exchange, out.key)
	return "", queue, err
}

// String returns the configuration with passwords hidden, and the exchange.
func (p *Publisher) String() string { return p.cfg.String() + " " + p.exchange }

// GoString returns p.String(), so that no verb prints a password.
func (p *Publisher) GoString() string { return p.String() }

// live returns the sender, and starts one if there is none. If the start of a sender fails,
// waiting publishes return its error, and the next publish starts another sender.
func (p *Publisher) live() (*amqp.Sender, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return nil, ErrClosed
	}
	if p.sender == nil && !p.shared {
		s := amqp.NewSender(amqp.Config(p.cfg), "publish", nil)
		p.sender = s
		p.running.Go(func() {
			_ = s.Run(p.ctx) // its error reaches every publish that waits for s
			p.forget(s)
		})
	}
	return p.sender, nil
}

func (p *Publisher) forget(s *amqp.Sender) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sender == s {
		p.sender = nil
	}
}

// Close closes the connection, unless it belongs to a worker or to
// worker.Connections. Publishing afterwards returns ErrClosed.
func (p *Publisher) Close() error {
	p.mu.Lock()
	p.stop() // with the lock: no sender is started once Wait has begun
	p.mu.Unlock()
	p.running.Wait()
	return nil
}
