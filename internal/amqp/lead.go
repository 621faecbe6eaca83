package amqp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// Lead is one process's part in a leadership: a consumer of a token's queue, on a
// channel of its own. It leads once it has won the token, and until that channel ends;
// what it publishes as the leader goes over the same channel, so that who no longer
// leads cannot publish either.
//
// It ends with its channel and is never repaired. Only Done and Err are safe for
// concurrent use.
type Lead struct {
	token      Token
	session    *Session
	ch         *amqp091.Channel
	deliveries <-chan amqp091.Delivery
	returns    <-chan amqp091.Return
	held       uint64 // the last delivery, unless it was acknowledged

	once sync.Once
	done chan struct{}
	err  error // why it ended; read after done is closed
}

// Join declares t's queues, joins those who wait for the token, and has the hello
// delivered to whoever has it.
func Join(ctx context.Context, s *Session, t Token, hello []byte) (*Lead, error) {
	if err := s.Declare(ctx, t.Topology()); err != nil {
		return nil, err
	}
	ch, err := s.channel(ctx)
	if err != nil {
		return nil, err
	}
	l := &Lead{
		token: t, session: s, ch: ch, done: make(chan struct{}),
		returns: ch.NotifyReturn(make(chan amqp091.Return, 2)),
	}
	closed := ch.NotifyClose(make(chan *amqp091.Error, 1))
	cancelled := ch.NotifyCancel(make(chan string, 1))
	l.deliveries, err = ask(ctx, s, func() (<-chan amqp091.Delivery, error) { return l.join(hello) }, closing[<-chan amqp091.Delivery](ch))
	if err != nil {
		if ctx.Err() == nil {
			err = errors.Join(err, s.closeChannel(ch))
		}
		return nil, fmt.Errorf("broker: wait for the token in %s: %w", t.Queue, err)
	}
	go l.watch(closed, cancelled)
	return l, nil
}

// join sets no prefetch: what comes is a token and a hello of each process.
func (l *Lead) join(hello []byte) (<-chan amqp091.Delivery, error) {
	if err := l.ch.Tx(); err != nil {
		return nil, err
	}
	deliveries, err := l.ch.Consume(l.token.Queue, "", false, false, false, false, nil)
	if err != nil {
		return nil, err
	}
	if err := l.say(l.token.Queue, amqp091.Publishing{Body: hello}); err != nil {
		return nil, err
	}
	return deliveries, l.ch.TxCommit()
}

// say publishes to one of the token's queues.
func (l *Lead) say(queue string, p amqp091.Publishing) error {
	p.DeliveryMode = amqp091.Persistent
	return l.ch.Publish("", queue, false, false, p)
}

// watch sees both ways a consumer ends: see Consumer.watch.
func (l *Lead) watch(closed <-chan *amqp091.Error, cancelled <-chan string) {
	if _, ok := <-cancelled; ok {
		l.end(fmt.Errorf("broker: consumer of %s cancelled by the broker", l.token.Queue))
		_ = l.session.closeChannel(l.ch) // gives back the token; it fails if the channel is closed
	}
	if e := <-closed; e != nil {
		l.end(fmt.Errorf("broker: channel of %s lost: %w", l.token.Queue, e))
	}
	l.end(fmt.Errorf("broker: channel of %s: %w", l.token.Queue, ErrClosed))
}

func (l *Lead) end(err error) {
	l.once.Do(func() {
		l.err = err
		close(l.done)
	})
}

// Done is closed when it does not lead any more, and never will.
func (l *Lead) Done() <-chan struct{} { return l.done }

// Err says why it has ended; nil while it lives.
func (l *Lead) Err() error {
	select {
	case <-l.done:
		return l.err
	default:
		return nil
	}
}

// Win waits for the token. It returns what was in the queue: the hellos of those who
// have joined, and the last tokens, in any order: a new one is stored before all older
// ones are removed. There is none if nobody has led before.
func (l *Lead) Win(ctx context.Context) (said [][]byte, err error) {
	d, err := l.receive(ctx)
	if err != nil {
		return nil, err
	}
	// Only what comes back behind all the rest shows that nothing is missing.
	last := rand.Text()
	if err := l.commit(ctx, func() error { return l.say(l.token.Queue, amqp091.Publishing{MessageId: last}) }); err != nil {
		return nil, err
	}
	for d.MessageId != last {
		if len(d.Body) > 0 {
			said = append(said, d.Body)
		}
		if d, err = l.receive(ctx); err != nil {
			return nil, err
		}
	}
	return said, nil
}

// Receive returns what comes to the leader: its own tokens, and the hellos of those
// who join. It returns the cause of ctx's end, which does not end the leadership.
func (l *Lead) Receive(ctx context.Context) ([]byte, error) {
	d, err := l.receive(ctx)
	return d.Body, err
}

func (l *Lead) receive(ctx context.Context) (amqp091.Delivery, error) {
	if err := l.Err(); err != nil {
		return amqp091.Delivery{}, err
	}
	select {
	case d, ok := <-l.deliveries:
		if ok {
			l.held = d.DeliveryTag
			return d, nil
		}
		<-l.done
		return d, l.err
	case <-l.done:
		return amqp091.Delivery{}, l.err
	case <-ctx.Done():
		return amqp091.Delivery{}, context.Cause(ctx)
	}
}

// Close gives up: the next process gets the token. It waits for the broker's answer for
// a moment only.
func (l *Lead) Close() error { return l.session.closeChannel(l.ch) }
