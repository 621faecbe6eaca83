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

	"github.com/warren-mq/warren/topology"
)

// closeTimeout bounds the closing handshake, because a blocked broker never answers it.
const closeTimeout = 5 * time.Second

// Session is one AMQP connection, from dial to loss. A Connector opens a new Session when
// one is lost. It is safe for concurrent use.
type Session struct {
	conn    *amqp091.Connection
	cut     func() // closes the transport at once
	address string
	user    string // empty if the broker takes it from a certificate
	mode    topology.Mode
	tracer  *Tracer // traces messages that are published without a Publisher
	blocked atomic.Pointer[string]
	done    chan struct{}
	once    sync.Once
	err     error        // why it ended; read after done is closed
	maxBody atomic.Int64 // the largest body that the broker accepts, once it has refused one; 0 before
}

func newSession(conn *amqp091.Connection, cut func(), uri amqp091.URI, tracer *Tracer) *Session {
	s := &Session{conn: conn, cut: cut, address: fmt.Sprintf("%s:%d", uri.Host, uri.Port), tracer: tracer, done: make(chan struct{})}
	closed := conn.NotifyClose(make(chan *amqp091.Error, 1))
	blocked := conn.NotifyBlocked(make(chan amqp091.Blocking, 8))
	go s.watch(closed, blocked)
	return s
}

// watch reads every notification until the end, because amqp091 blocks on unread ones.
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

// Done returns a channel that is closed when the session has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err returns why the session has ended, or nil while it is open.
func (s *Session) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Blocked returns the broker's reason for blocking publishing at present, or "".
func (s *Session) Blocked() string {
	if reason := s.blocked.Load(); reason != nil {
		return cmp.Or(*reason, "no reason given")
	}
	return ""
}

// User returns the name of the user that has logged in. It is empty if the broker has taken
// the name from a client certificate.
func (s *Session) User() string { return s.user }

// Address returns the host and port of the node.
func (s *Session) Address() string { return s.address }

// BrokerVersion returns the version the node reported, such as "4.3.6".
func (s *Session) BrokerVersion() string {
	v, _ := s.conn.Properties["version"].(string)
	return v
}

// Heartbeat returns the interval of heartbeats that both peers have agreed on. The broker closes
// a connection from which it has received nothing for two intervals, and not earlier.
func (s *Session) Heartbeat() time.Duration { return s.conn.Config.Heartbeat }

// DelaysRetries reports whether the node is of a version that keeps a rejected message back
// for a pause (x-delayed-retry-*): 4.3 or later.
func (s *Session) DelaysRetries() bool { return Since43(s.BrokerVersion()) }

// Since43 reports whether the version of a node is 4.3 or later.
func Since43(version string) bool {
	var major, minor int
	_, err := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return err == nil && (major > 4 || major == 4 && minor >= 3)
}

// Close closes the connection. It waits 5 s for the broker's answer and then closes the
// transport: a broker that is short of memory or disk does not answer.
func (s *Session) Close() error {
	// amqp091's CloseDeadline does not work here: each heartbeat of the broker extends it.
	timer := time.AfterFunc(closeTimeout, s.cut)
	defer timer.Stop()
	err := s.conn.Close()
	if errors.Is(err, amqp091.ErrClosed) || hungUp(err) {
		err = nil // the connection is closed already
	}
	s.end(ErrClosed)
	return err
}

// hungUp reports whether the transport ended while amqp091 waited for an answer. The broker
// closes the transport right after its connection.close-ok, which may then not be read.
func hungUp(err error) bool {
	e, ok := errors.AsType[*amqp091.Error](err)
	return ok && e.Code == amqp091.FrameError && !e.Server
}

// Channel opens a channel. It stops waiting when ctx is done, because the broker may never
// answer.
func (s *Session) Channel(ctx context.Context) (*amqp091.Channel, error) {
	ch, err := Ask(ctx, s, s.conn.Channel, (*amqp091.Channel).Close)
	if err != nil {
		return nil, fmt.Errorf("broker: open a channel: %w", err)
	}
	return ch, nil
}
