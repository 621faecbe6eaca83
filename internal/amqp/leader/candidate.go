package leader

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
)

// Candidate is the part of one process in an election: a consumer of a token's queue, on a
// channel of its own. It leads from the moment it wins the token until that channel ends.
// It publishes as the leader over the same channel, so that a candidate that has lost the
// leadership cannot publish either.
//
// It ends with its channel and must then be replaced by a new one. Only Done and Err are
// safe for concurrent use.
type Candidate struct {
	token      Token
	session    *amqp.Session
	ch         *amqp091.Channel
	deliveries <-chan amqp091.Delivery
	returns    <-chan amqp091.Return
	held       uint64 // the last delivery, unless it was acknowledged

	once sync.Once
	done chan struct{}
	err  error // why it ended; read after done is closed
}

// Join ensures that t's queues exist, joins the candidates that wait for the token, and publishes
// announcement, which is delivered to the leader.
func Join(ctx context.Context, s *amqp.Session, t Token, announcement []byte) (*Candidate, error) {
	if err := s.Ensure(ctx, t.Topology()); err != nil {
		return nil, err
	}
	ch, err := s.Channel(ctx)
	if err != nil {
		return nil, err
	}
	l := &Candidate{
		token: t, session: s, ch: ch, done: make(chan struct{}),
		returns: ch.NotifyReturn(make(chan amqp091.Return, 2)),
	}
	closed := ch.NotifyClose(make(chan *amqp091.Error, 1))
	cancelled := ch.NotifyCancel(make(chan string, 1))
	l.deliveries, err = amqp.Ask(ctx, s, func() (<-chan amqp091.Delivery, error) { return l.join(announcement) }, amqp.Closing[<-chan amqp091.Delivery](ch))
	if err != nil {
		if ctx.Err() == nil {
			err = errors.Join(err, s.CloseChannel(ch))
		}
		return nil, fmt.Errorf("broker: wait for the token in %s: %w", t.Queue, err)
	}
	go l.watch(closed, cancelled)
	return l, nil
}

// join sets no prefetch, because only a token and one announcement of each process arrive.
func (l *Candidate) join(announcement []byte) (<-chan amqp091.Delivery, error) {
	if err := l.ch.Tx(); err != nil {
		return nil, err
	}
	deliveries, err := l.ch.Consume(l.token.Queue, "", false, false, false, false, nil)
	if err != nil {
		return nil, err
	}
	if err := l.put(l.token.Queue, amqp091.Publishing{Body: announcement}); err != nil {
		return nil, err
	}
	return deliveries, l.ch.TxCommit()
}

// put publishes to one of the token's queues.
func (l *Candidate) put(queue string, p amqp091.Publishing) error {
	p.DeliveryMode = amqp091.Persistent
	return l.ch.Publish("", queue, false, false, p)
}

// watch waits for the end of the consumer, as Consumer.watch does.
func (l *Candidate) watch(closed <-chan *amqp091.Error, cancelled <-chan string) {
	if _, ok := <-cancelled; ok {
		l.end(fmt.Errorf("broker: consumer of %s cancelled by the broker", l.token.Queue))
		_ = l.session.CloseChannel(l.ch) // requeues the token; it fails if the channel is closed
	}
	if e := <-closed; e != nil {
		l.end(fmt.Errorf("broker: channel of %s lost: %w", l.token.Queue, e))
	}
	l.end(fmt.Errorf("broker: channel of %s: %w", l.token.Queue, amqp.ErrClosed))
}

func (l *Candidate) end(err error) {
	l.once.Do(func() {
		l.err = err
		close(l.done)
	})
}

// Done returns a channel that is closed when the candidate has ended and can no longer
// lead.
func (l *Candidate) Done() <-chan struct{} { return l.done }

// Err returns why the candidate has ended, or nil while it is open.
func (l *Candidate) Err() error {
	select {
	case <-l.done:
		return l.err
	default:
		return nil
	}
}

// Win waits for the token. It returns the contents of the queue, in any order: the
// announcements of the processes that have joined, and the last tokens. There may be
// several tokens, because a new one is stored before all older ones are removed. There is
// no token if no process has led before.
func (l *Candidate) Win(ctx context.Context) (messages [][]byte, err error) {
	d, err := l.receive(ctx)
	if err != nil {
		return nil, err
	}
	// The queue has been read completely when a message published last is delivered.
	last := rand.Text()
	if err := l.commit(ctx, func() error { return l.put(l.token.Queue, amqp091.Publishing{MessageId: last}) }); err != nil {
		return nil, err
	}
	for d.MessageId != last {
		if len(d.Body) > 0 {
			messages = append(messages, d.Body)
		}
		if d, err = l.receive(ctx); err != nil {
			return nil, err
		}
	}
	return messages, nil
}

// Receive returns the next message for the leader: one of its own tokens, or the
// announcement of a process that joins. If ctx ends, it returns the cause, and the leadership continues.
func (l *Candidate) Receive(ctx context.Context) ([]byte, error) {
	d, err := l.receive(ctx)
	return d.Body, err
}

func (l *Candidate) receive(ctx context.Context) (amqp091.Delivery, error) {
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

// Close ends the candidacy, so that the next process gets the token. It waits at most 5 s
// for the broker's answer.
func (l *Candidate) Close() error { return l.session.CloseChannel(l.ch) }

// Commit publishes m, unless it is nil, stores the new token, and removes the old one and
// all other messages that were received, in one transaction. If the process or its
// connection dies, either all of that has happened or none of it. But a full quorum queue
// (its overflow is reject-publish) drops m without an error, where Send returns one.
//
// If Commit fails and Err is nil, this process still leads. ErrUnroutable then means that
// no queue took m, but the token is stored. ErrTooLarge and ErrMalformed mean that m was
// not published and the token is not stored. If Err is not nil, ErrNotConnected means that
// either everything has happened or nothing. Any other error, such as ErrRefused and
// ErrUnroutable, then means that m was refused, or may have been, whether or not the token
// is stored.
func (l *Candidate) Commit(ctx context.Context, token []byte, m *message.Message) error {
	if m == nil {
		return l.commitToken(ctx, token, func() error { return nil })
	}
	c := *m
	ctx, span := l.session.StartPublish(ctx, &c)
	err := l.publish(ctx, token, &c)
	span.End(err)
	return err
}

// Send publishes m alone, mandatory and confirmed, over the same connection. It takes
// longer than Commit, and a process that dies after it may not have stored that it has
// published m. But an error of m does not end the leadership.
func (l *Candidate) Send(ctx context.Context, m *message.Message) error {
	c := *m
	ctx, span := l.session.StartPublish(ctx, &c)
	err := l.send(ctx, &c)
	span.End(err)
	if err != nil {
		return fmt.Errorf("broker: publish to exchange %q with key %q: %w", m.Exchange, m.RoutingKey, err)
	}
	return nil
}

func (l *Candidate) send(ctx context.Context, m *message.Message) error {
	if err := l.Err(); err != nil {
		return fmt.Errorf("%w: %w", amqp.ErrNotConnected, err)
	}
	return l.session.PublishAlone(ctx, m)
}

func (l *Candidate) publish(ctx context.Context, token []byte, m *message.Message) error {
	exchange, key, p := m.Exchange, m.RoutingKey, amqp.Publishing(m)
	err := l.session.Check(exchange, key, &p) // a message that cannot be written would break the transaction
	if err == nil {
		err = l.commitToken(ctx, token, func() error { return l.ch.Publish(exchange, key, true, false, p) })
	}
	if r := l.returned(); r != "" {
		err = fmt.Errorf("%w: %s", amqp.ErrUnroutable, r)
	}
	if err != nil {
		return fmt.Errorf("broker: publish to exchange %q with key %q: %w", exchange, key, err)
	}
	return nil
}

// returned returns why the broker has returned a message, or "". The broker returns a
// message before it answers the commit.
func (l *Candidate) returned() string {
	select {
	case r := <-l.returns:
		return r.ReplyText
	default:
		return ""
	}
}

// commitToken runs work and replaces the token, in one transaction.
func (l *Candidate) commitToken(ctx context.Context, token []byte, work func() error) error {
	held := l.held
	l.held = 0
	return l.commit(ctx, func() error {
		if err := work(); err != nil {
			return err
		}
		return l.renew(token, held)
	})
}

// renew replaces the token, and acknowledges all deliveries up to held, unless it is 0.
func (l *Candidate) renew(token []byte, held uint64) error {
	for _, queue := range []string{l.token.Queue, l.token.Copy} {
		if err := l.put(queue, amqp091.Publishing{ContentType: "application/json", Body: token}); err != nil {
			return err
		}
	}
	if held == 0 {
		return nil
	}
	return l.ch.Ack(held, true)
}

// commit runs work in one transaction. A failure ends the leadership, because commands that
// were sent already would be part of the next transaction.
func (l *Candidate) commit(ctx context.Context, work func() error) error {
	if err := l.Err(); err != nil {
		return fmt.Errorf("%w: %w", amqp.ErrNotConnected, err)
	}
	err := l.session.Call(ctx, func() error {
		if err := work(); err != nil {
			return err
		}
		return l.ch.TxCommit()
	}, l.ch.Close)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		l.end(err)
		return err
	case !l.ch.IsClosed():
		l.end(errors.Join(err, l.session.CloseChannel(l.ch)))
	}
	<-l.done
	return lossError(l.err)
}

// lossError distinguishes an error about a message from a lost connection. A channel that
// is closed because its consumer was too slow is not an error about a message.
func lossError(err error) error {
	e, ok := errors.AsType[*amqp091.Error](err)
	switch {
	case !ok:
	case e.Code == amqp091.NotFound, e.Code == amqp091.AccessRefused,
		e.Code == amqp091.PreconditionFailed && !strings.Contains(e.Reason, ackTimeout):
		return amqp.RefusalError(e)
	}
	return fmt.Errorf("%w: %w", amqp.ErrNotConnected, err)
}

// ackTimeout is part of the error text with which RabbitMQ up to 4.2 closes the channel of
// a slow consumer.
const ackTimeout = "delivery acknowledgement on channel"
