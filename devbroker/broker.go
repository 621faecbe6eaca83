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

	mu          sync.Mutex // guards the fields below and everything reached from them
	vhosts      map[string]*vhost
	connections map[*connection]struct{}
	agenda      []func() // functions to call before mu is unlocked
	memory      memory
	faults      []*Fault
	channels    uint64 // number of channels opened so far
	closed      bool

	connectionLimit int // of each virtual host; zero means no limit
}

// Start starts a broker that listens on Config.Addr. It returns an error if cfg is
// invalid or if listening fails. The caller must close the broker.
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
// It prints one line to standard error as a warning that this is not RabbitMQ: its
// messages are lost when the process ends. A program connects to it with
//
//	broker.Config{URL: dev.URL(), Dial: dev.DialContext}
func New() *Broker {
	fmt.Fprintln(os.Stderr, "devbroker: using a broker in memory, for development; its messages are gone when the process ends")
	return newBroker(Config{}.withDefaults())
}

// Pipe starts a broker that accepts connections only through its Dial, over pipes in
// memory. It returns an error if cfg is invalid.
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

// URL returns the AMQP URL of the broker, with the first user and the first virtual host.
// Without a listener, the URL works only with the broker's Dial.
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

// Dial connects to the broker over a pipe in memory and ignores the address. Its signature
// is the one of amqp091-go's Config.Dial. After Close it returns ErrClosed.
func (b *Broker) Dial(network, address string) (net.Conn, error) {
	return b.DialContext(context.Background(), network, address)
}

// DialContext is Dial with a context; it returns without waiting.
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

// ErrClosed is returned when the broker is closed.
var ErrClosed = errors.New("devbroker: closed")

// Close closes every connection with connection-forced (320) and discards all messages.
// It blocks until all goroutines have ended. A second Close does no harm.
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
			return // the listener is closed: Accept on loopback fails for no other reason
		}
		if !b.serve(conn) {
			_ = conn.Close() // the error has no reader any more
		}
	}
}

// serve serves one connection. It returns false if the broker is closed.
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

// do calls f with mu locked, and then the functions that f has put on the agenda:
// deliveries and dead letters, which must not change a queue while f works on it.
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

// later puts f on the agenda of the current do.
func (b *Broker) later(f func()) { b.agenda = append(b.agenda, f) }

// brokerURL returns an AMQP URL. The virtual host / is written as an empty path.
func brokerURL(scheme, host string, u User, vhost string) string {
	out := url.URL{Scheme: scheme, Host: host, User: url.UserPassword(u.Name, u.Password), Path: "/"}
	if vhost != "/" {
		out.Path, out.RawPath = "/"+vhost, "/"+url.PathEscape(vhost)
	}
	return out.String()
}
