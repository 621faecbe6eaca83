package amqp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// closeTimeout bounds the closing handshake: a blocked broker never answers it.
const closeTimeout = 5 * time.Second

// Session is one AMQP connection, from dial to loss. It is never repaired: a
// Connector replaces it. It is safe for concurrent use.
type Session struct {
	conn    *amqp091.Connection
	cut     func() // closes the transport at once
	address string
	tracer  *Tracer // of what is published beside a Publisher
	blocked atomic.Pointer[string]
	done    chan struct{}
	once    sync.Once
	err     error        // why it ended; read after done is closed
	maxBody atomic.Int64 // the largest body that the broker takes, once it has refused one; 0 before
}

func newSession(conn *amqp091.Connection, cut func(), uri amqp091.URI, tracer *Tracer) *Session {
	s := &Session{conn: conn, cut: cut, address: fmt.Sprintf("%s:%d", uri.Host, uri.Port), tracer: tracer, done: make(chan struct{})}
	closed := conn.NotifyClose(make(chan *amqp091.Error, 1))
	blocked := conn.NotifyBlocked(make(chan amqp091.Blocking, 8))
	go s.watch(closed, blocked)
	return s
}

// watch reads every notification until the end: amqp091 stalls on unread ones.
func (s *Session) watch(closed <-chan *amqp091.Error, blocked <-chan amqp091.Blocking) {
	for {
		select {
		case e, ok := <-closed:
			if ok {
				s.end(fmt.Errorf("broker: session with %s lost: %w", s.address, e))
			} else {
				s.end(fmt.Errorf("broker: session with %s: %w", s.address, ErrClosed))
			}
			return
		case b, ok := <-blocked:
			switch {
			case !ok:
				blocked = nil
			case b.Active:
				s.blocked.Store(&b.Reason)
			default:
				s.blocked.Store(nil)
			}
		}
	}
}

func (s *Session) end(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.done)
	})
}

// Done is closed when the session has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err says why the session has ended; nil while it lives.
func (s *Session) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Blocked returns the broker's reason for taking no messages at present, or "".
func (s *Session) Blocked() string {
	if reason := s.blocked.Load(); reason != nil {
		return cmp.Or(*reason, "no reason given")
	}
	return ""
}

// Address is the host and port of the node.
func (s *Session) Address() string { return s.address }

// BrokerVersion is the version the node reported, such as "4.3.6".
func (s *Session) BrokerVersion() string {
	v, _ := s.conn.Properties["version"].(string)
	return v
}

// Close closes the connection. It waits 5 s for the broker's answer and then closes the
// transport: a broker that is short of memory or disk does not answer.
func (s *Session) Close() error {
	// amqp091's CloseDeadline will not do: each heartbeat of the broker puts it off.
	timer := time.AfterFunc(closeTimeout, s.cut)
	defer timer.Stop()
	err := s.conn.Close()
	if errors.Is(err, amqp091.ErrClosed) || hungUp(err) {
		err = nil // closed is closed
	}
	s.end(ErrClosed)
	return err
}

// hungUp says that the transport ended while amqp091 waited for an answer: the broker
// hangs up right behind its connection.close-ok, which may then go unread.
func hungUp(err error) bool {
	e, ok := errors.AsType[*amqp091.Error](err)
	return ok && e.Code == amqp091.FrameError && !e.Server
}

// Channel opens a channel, within ctx: the broker may never answer.
func (s *Session) Channel(ctx context.Context) (*amqp091.Channel, error) {
	ch, err := Ask(ctx, s, s.conn.Channel, (*amqp091.Channel).Close)
	if err != nil {
		return nil, fmt.Errorf("broker: open a channel: %w", err)
	}
	return ch, nil
}
