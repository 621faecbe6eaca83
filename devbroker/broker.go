package devbroker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"sync"
)

// Broker is a running broker. Its methods are safe for concurrent use.
type Broker struct {
	cfg      Config
	gen      generation
	accounts map[string]*account
	listener net.Listener // nil without one
	serving  sync.WaitGroup

	mu          sync.Mutex // guards all that follows, and what is reached from it
	vhosts      map[string]*vhost
	connections map[*connection]struct{}
	agenda      []func() // to be done before mu is given up
	memory      memory
	faults      []*Fault
	channels    uint64 // that were opened so far
	closed      bool

	connectionLimit int // of each virtual host; 0 for none
}

// Start starts a broker that listens. The error says what is wrong with cfg, or why
// it cannot listen. Close it when it is no longer needed.
func Start(cfg Config) (*Broker, error) {
	b, err := Pipe(cfg)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", b.cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("devbroker: listen: %w", err)
	}
	if cfg.TLS != nil {
		listener = tls.NewListener(listener, cfg.TLS)
	}
	b.listener = listener
	b.serving.Go(b.accept)
	return b, nil
}

// New starts a broker for a program under development, like Pipe with the zero Config.
// It prints one line to standard error, so that nobody takes it for a RabbitMQ: its
// messages are gone when the process ends. A program reaches it by
//
//	broker.Config{URL: dev.URL(), Dial: dev.DialContext}
func New() *Broker {
	fmt.Fprintln(os.Stderr, "devbroker: using a broker in memory, for development; its messages are gone when the process ends")
	return newBroker(Config{}.withDefaults())
}

// Pipe starts a broker that is reached by its Dial alone, over pipes in memory. The
// error says what is wrong with cfg.
func Pipe(cfg Config) (*Broker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return newBroker(cfg.withDefaults()), nil
}

func newBroker(cfg Config) *Broker {
	b := &Broker{
		cfg: cfg, gen: generations[cfg.Version], accounts: map[string]*account{},
		vhosts: map[string]*vhost{}, connections: map[*connection]struct{}{},
		memory: memory{limit: cfg.MemoryLimit},
	}
	for _, u := range cfg.Users {
		b.accounts[u.Name] = newAccount(u, b.gen)
	}
	for _, name := range cfg.VHosts {
		b.vhosts[name] = newVHost(b, name)
	}
	return b
}

// URL is where clients connect, with the first user and the first virtual host. The
// URL of a broker that does not listen only works with its Dial.
func (b *Broker) URL() string {
	scheme, host := "amqp", "devbroker.invalid"
	if b.listener != nil {
		host = b.listener.Addr().String()
	}
	if b.listener != nil && b.cfg.TLS != nil {
		scheme = "amqps"
	}
	return brokerURL(scheme, host, b.cfg.Users[0], b.cfg.VHosts[0])
}

// Dial connects to the broker over a pipe in memory, whatever the address. It fits
// Config.Dial of amqp091-go. The error is ErrClosed after Close.
func (b *Broker) Dial(network, address string) (net.Conn, error) {
	return b.DialContext(context.Background(), network, address)
}

// DialContext is Dial for those who have a context; it never waits.
func (b *Broker) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("devbroker: dial: %w", err)
	}
	client, server := newPipe()
	if b.cfg.TLS != nil {
		server = tls.Server(server, b.cfg.TLS)
	}
	if !b.serve(server) {
		return nil, errors.Join(ErrClosed, client.Close())
	}
	return client, nil
}

// ErrClosed says that the broker was closed.
var ErrClosed = errors.New("devbroker: closed")

// Close ends the broker: clients are told connection-forced (320), and all messages
// are gone. It returns when everything has ended. Closing twice is harmless.
func (b *Broker) Close() error {
	var err error
	b.do(func() {
		if !b.closed && b.listener != nil {
			err = b.listener.Close()
		}
		b.closed = true
		for c := range b.connections {
			c.force("broker forced connection closure with reason 'shutdown'")
		}
	})
	b.serving.Wait()
	b.do(func() {
		for _, v := range b.vhosts {
			v.stop()
		}
	})
	return err
}

func (b *Broker) accept() {
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return // closed: a listener on loopback has no other reason
		}
		if !b.serve(conn) {
			_ = conn.Close() // nobody is left to be told
		}
	}
}

// serve takes care of one connection; false if the broker is closed.
func (b *Broker) serve(conn net.Conn) bool {
	c := newConnection(b, conn)
	accepted := false
	b.do(func() {
		if accepted = !b.closed; accepted {
			b.connections[c] = struct{}{}
			b.serving.Go(c.serve)
		}
	})
	return accepted
}

// do runs f alone, and then what f has put on the agenda: deliveries and dead
// letters, which must not change a queue that is being worked on.
func (b *Broker) do(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	for len(b.agenda) > 0 {
		next := b.agenda[0]
		b.agenda = b.agenda[1:]
		next()
	}
	b.agenda = b.agenda[:0]
}

// later puts f on the agenda of the do that runs.
func (b *Broker) later(f func()) { b.agenda = append(b.agenda, f) }

// brokerURL writes an AMQP URL; the virtual host / is an empty path.
func brokerURL(scheme, host string, u User, vhost string) string {
	out := url.URL{Scheme: scheme, Host: host, User: url.UserPassword(u.Name, u.Password), Path: "/"}
	if vhost != "/" {
		out.Path, out.RawPath = "/"+vhost, "/"+url.PathEscape(vhost)
	}
	return out.String()
}
