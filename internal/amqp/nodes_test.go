package amqp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
)

// cluster has nodes that answer and nodes that do not, by their host names.
type cluster struct {
	*devbroker.Broker

	mu      sync.Mutex
	dialled []string                 // hosts, in the order they were dialled
	opened  []*watched               // connections to nodes that answer
	delay   map[string]time.Duration // before a node takes the connection
	lost    []io.Closer              // the far ends of silent connections
}

// watched is a connection that tells when it was closed.
type watched struct {
	net.Conn

	once   sync.Once
	closed chan struct{}
}

func (w *watched) Close() error {
	w.once.Do(func() { close(w.closed) })
	return w.Conn.Close()
}

// inCluster runs test in a bubble, where time passes at once.
func inCluster(t *testing.T, test func(t *testing.T, c *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dev, err := devbroker.Pipe(devbroker.Config{})
		if err != nil {
			t.Fatal(err)
		}
		c := &cluster{Broker: dev, delay: make(map[string]time.Duration)}
		defer func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, l := range c.lost {
				_ = l.Close()
			}
			if err := dev.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(t, c)
	})
}

// config names hosts: a node called dropped takes no connection, one called silent takes it
// and says nothing, one called dead refuses it, and others answer.
func (c *cluster) config(hosts ...string) amqp.Config {
	cfg := amqp.Config{Dial: c.dial}
	for _, host := range hosts {
		cfg.URLs = append(cfg.URLs, "amqp://guest:guest@"+host+"/")
	}
	return cfg
}

func (c *cluster) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	c.mu.Lock()
	c.dialled = append(c.dialled, host)
	delay := c.delay[host]
	c.mu.Unlock()
	switch {
	case strings.HasPrefix(host, "dropped"):
		<-ctx.Done()
		return nil, context.Cause(ctx)
	case strings.HasPrefix(host, "silent"):
		near, far := net.Pipe()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.lost = append(c.lost, far)
		return near, nil
	case strings.HasPrefix(host, "dead"):
		return nil, syscall.ECONNREFUSED
	}
	time.Sleep(delay) // the network is slow; it passes at once in the bubble
	conn, err := c.DialContext(context.WithoutCancel(ctx), network, address)
	if err != nil {
		return nil, err
	}
	w := &watched{Conn: conn, closed: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened = append(c.opened, w)
	return w, nil
}

// hosts are those dialled since the last call.
func (c *cluster) hosts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	hosts := c.dialled
	c.dialled = nil
	return hosts
}

// connections are those opened so far.
func (c *cluster) connections() []*watched {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.opened)
}

// took is how long one Dial takes.
func (c *cluster) took(t *testing.T, cfg amqp.Config) time.Duration {
	t.Helper()
	began := time.Now()
	s, err := amqp.Dial(t.Context(), cfg, "test")
	took := time.Since(began)
	if err != nil {
		t.Fatalf("Dial returned %v after %v", err, took)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return took
}

func TestNodesThatDoNotAnswerDelayAConnectBriefly(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		hosts []string
		most  time.Duration
	}{
		"one that drops what is sent":   {[]string{"dropped", "good"}, amqp.HeadStart},
		"one that takes a connection":   {[]string{"silent", "good"}, amqp.HeadStart},
		"three before one that answers": {[]string{"dropped1", "silent", "dropped2", "good"}, 3 * amqp.HeadStart},
		"those that refuse cost none":   {[]string{"dead1", "dead2", "dead3", "good"}, 0},
		"one that answers costs none":   {[]string{"good"}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inCluster(t, func(t *testing.T, c *cluster) {
				for range 10 { // the first node is random
					if took := c.took(t, c.config(tt.hosts...)); took > tt.most {
						t.Errorf("it took %v to connect, want at most %v", took, tt.most)
					}
				}
			})
		})
	}
}

func TestConnectingBeginsAtARandomNode(t *testing.T) {
	t.Parallel()
	inCluster(t, func(t *testing.T, c *cluster) {
		for range 60 {
			c.took(t, c.config("one", "two", "three"))
		}
		dialled := c.hosts()
		for _, host := range []string{"one", "two", "three"} {
			if !slices.Contains(dialled, host) {
				t.Errorf("%s was never the first of 60 times", host)
			}
		}
		if len(dialled) != 60 {
			t.Errorf("%d nodes were dialled in 60 connects, want one each time", len(dialled))
		}
	})
}

func TestAReconnectBeginsAtTheNodeThatAnsweredLast(t *testing.T) {
	t.Parallel()
	inCluster(t, func(t *testing.T, c *cluster) {
		connector := amqp.NewConnector(c.config("dropped1", "silent", "dropped2", "good"), "test", nil)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- connector.Run(ctx) }()
		for round := range 10 {
			s, err := connector.Session(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if round == 0 {
				c.hosts()
			}
			time.Sleep(time.Minute)
			c.Drop()
			<-s.Done()
		}
		if _, err := connector.Session(ctx); err != nil {
			t.Fatal(err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if dialled := c.hosts(); !slices.Equal(dialled, slices.Repeat([]string{"good"}, 10)) {
			t.Errorf("10 reconnects dialled %v, want good each time", dialled)
		}
	})
}

// TestTheSlowerNodeIsClosed: where two nodes answer in the end, one session is left.
func TestTheSlowerNodeIsClosed(t *testing.T) {
	t.Parallel()
	inCluster(t, func(t *testing.T, c *cluster) {
		c.delay["one"], c.delay["two"] = 2*amqp.HeadStart, 2*amqp.HeadStart
		s, err := amqp.Dial(t.Context(), c.config("one", "two"), "test")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		connections, open := c.connections(), 0
		if len(connections) != 2 {
			t.Fatalf("%d connections were opened, want 2", len(connections))
		}
		for _, w := range connections {
			select {
			case <-w.closed:
			default:
				open++
			}
		}
		if open != 1 || s.Err() != nil {
			t.Errorf("%d connections are open, want one, of the session, which has ended with %v", open, s.Err())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAFailedConnectNamesEveryNode(t *testing.T) {
	t.Parallel()
	inCluster(t, func(t *testing.T, c *cluster) {
		began := time.Now()
		_, err := amqp.Dial(t.Context(), c.config("dead", "dropped", "silent"), "test")
		if !errors.Is(err, amqp.ErrNotConnected) {
			t.Fatalf("Dial returned %v, want ErrNotConnected", err)
		}
		for _, host := range []string{"dead", "dropped", "silent"} {
			if !strings.Contains(err.Error(), "amqp://"+host+":5672: ") {
				t.Errorf("Dial returned %v, want one that names %s", err, host)
			}
		}
		if took := time.Since(began); took > 10*time.Second+2*amqp.HeadStart {
			t.Errorf("it took %v, want one DialTimeout for all and the head starts", took)
		}
	})
}

// TestSilentListenersDelayAConnectBriefly is the same over TCP, with the tests' broker.
func TestSilentListenersDelayAConnectBriefly(t *testing.T) {
	t.Parallel()
	rabbit.NeedsNetwork(t, "its silent nodes are TCP listeners")
	cfg := reaching(amqp.Config{URLs: []string{silent(t), silent(t), silent(t), rabbit.URL(t)}})
	began := time.Now()
	s, err := amqp.Dial(t.Context(), cfg, "test")
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 3*amqp.HeadStart+soon {
		t.Errorf("it took %v to connect", took)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
