package rabbit

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/devbroker"
)

// shared is the broker in memory that all tests of this binary share. It runs while at least one
// test uses it, so that no goroutine is left after the last test.
var shared sharedBroker

type sharedBroker struct {
	mu     sync.Mutex
	tests  int // number of tests that use it
	broker *devbroker.Broker
}

func (s *sharedBroker) url(tb testing.TB, version string) string {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tests == 0 {
		broker, err := devbroker.Start(devbroker.Config{Version: version})
		if err != nil {
			tb.Fatalf("rabbit: %s: %v", variable, err)
		}
		s.broker = broker
	}
	s.tests++
	tb.Cleanup(func() { s.leave(tb) })
	return s.broker.URL()
}

func (s *sharedBroker) leave(tb testing.TB) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tests--; s.tests > 0 {
		return
	}
	if err := s.broker.Close(); err != nil {
		tb.Error(err)
	}
}

// embedded is a Node in the test's process.
type embedded struct {
	cfg    devbroker.Config
	broker *devbroker.Broker
	url    string
	pipe   string // its host over pipes; empty over TCP
}

func startEmbedded(version string, s setup) (n *embedded, remove func() error, err error) {
	n = &embedded{cfg: devbroker.Config{Version: version}}
	if piped() {
		n.pipe = newPipeHost()
	}
	if s.tls != nil {
		if n.cfg.TLS, err = s.tls.config(); err != nil {
			return nil, nil, fmt.Errorf("rabbit: certificates for a node: %w", err)
		}
		n.cfg.Users = []devbroker.User{{Name: "guest", Password: "guest"}}
	}
	for _, u := range s.users {
		n.cfg.Users = append(n.cfg.Users, devbroker.User{Name: u.name, Password: u.password})
	}
	if err := n.start(); err != nil {
		return nil, nil, err
	}
	return n, func() error { pipes.Delete(n.pipe); return n.broker.Close() }, nil
}

// start starts the node, and keeps its address for a restart.
func (e *embedded) start() error {
	if e.pipe != "" {
		return e.startPipe()
	}
	broker, err := devbroker.Start(e.cfg)
	if err != nil {
		return err
	}
	e.broker, e.url = broker, broker.URL()
	u, err := url.Parse(e.url)
	if err != nil {
		return errors.Join(fmt.Errorf("rabbit: %w", err), broker.Close())
	}
	e.cfg.Addr = u.Host
	if e.cfg.TLS != nil {
		e.url = "amqps://localhost:" + u.Port() + "/"
	}
	return nil
}

func (e *embedded) URL() string { return e.url }

func (e *embedded) Kill(tb testing.TB) {
	tb.Helper()
	e.broker.Drop()
	e.Stop(tb)
}

func (e *embedded) Stop(tb testing.TB) {
	tb.Helper()
	pipes.Delete(e.pipe)
	if err := e.broker.Close(); err != nil {
		tb.Fatal(err)
	}
}

func (e *embedded) Restart(tb testing.TB) {
	tb.Helper()
	e.Stop(tb)
	if err := e.start(); err != nil {
		tb.Fatal(err)
	}
}

func (*embedded) Settle(testing.TB) {}

func (e *embedded) CloseConnections(_ testing.TB, reason string) { e.broker.CloseConnections(reason) }

func (e *embedded) Block(testing.TB) { e.broker.Block("") }

func (e *embedded) Unblock(testing.TB) { e.broker.Unblock() }

func (e *embedded) ConsumerTimeout(tb testing.TB, d time.Duration) {
	tb.Helper()
	e.cfg.ConsumerTimeout = d
	e.Restart(tb)
	tb.Cleanup(func() {
		e.cfg.ConsumerTimeout = 0
		e.Restart(tb)
	})
}

func (e *embedded) LimitMessages(_ testing.TB, bytes int) {
	e.cfg.MaxMessageSize = bytes
	e.broker.LimitMessages(bytes)
}

func (e *embedded) ChangePassword(tb testing.TB, user, password string) {
	tb.Helper()
	for i := range e.cfg.Users {
		if e.cfg.Users[i].Name == user {
			e.cfg.Users[i].Password = password
		}
	}
	e.Restart(tb)
}

func (e *embedded) LimitConnections(_ testing.TB, n int) { e.broker.LimitConnections(n) }

func (e *embedded) Permit(tb testing.TB, u User) string {
	tb.Helper()
	e.PermitAll(tb, []User{u})
	return u.url(tb, e.url)
}

func (e *embedded) PermitAll(tb testing.TB, users []User) {
	tb.Helper()
	if len(e.cfg.Users) == 0 {
		e.cfg.Users = []devbroker.User{{Name: "guest", Password: "guest"}}
	}
	for _, u := range users {
		e.cfg.Users = append(e.cfg.Users, devbroker.User(u))
	}
	e.Restart(tb)
}

func (e *embedded) SetPermissions(tb testing.TB, u User) {
	tb.Helper()
	if err := e.broker.SetPermissions(devbroker.User(u)); err != nil {
		tb.Fatal(err)
	}
}

func (*embedded) Clients(tb testing.TB) []string {
	tb.Helper()
	tb.Skip("devbroker lists no connections")
	return nil
}

func (*embedded) Policy(tb testing.TB, _, _ string, _ int, _ string) {
	tb.Helper()
	tb.Skip("devbroker has no policies")
}

func (*embedded) Import(tb testing.TB, _ []byte) {
	tb.Helper()
	tb.Skip("devbroker imports no definitions")
}

// config returns the TLS configuration of a server that also accepts clients without a
// certificate.
func (c Certificates) config() (*tls.Config, error) {
	cert, err := tls.X509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(c.CA) {
		return nil, errors.New("rabbit: CA contains no certificate")
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert},
		ClientCAs: clients, ClientAuth: tls.VerifyClientCertIfGiven,
	}, nil
}
