package devbroker_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
)

func TestStartListensOnLoopback(t *testing.T) {
	t.Parallel()
	b := listen(t, devbroker.Config{})
	u, err := url.Parse(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme != "amqp" || !ip.IsLoopback() || u.Port() == "0" {
		t.Errorf("URL %s, want amqp:// and a port of 127.0.0.1", b.URL())
	}
	conn, err := amqp.Dial(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, conn)
	c.declare("q", nil)
	c.put("q", "hello")
	check(t, "body", string(c.pull().Body), "hello")
}

func TestStartReportsAnAddressThatIsTaken(t *testing.T) {
	t.Parallel()
	b := listen(t, devbroker.Config{})
	u, err := url.Parse(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	other, err := devbroker.Start(devbroker.Config{Addr: u.Host})
	if err == nil {
		t.Fatalf("two brokers at %s: %v", u.Host, other.Close())
	}
	if !strings.HasPrefix(err.Error(), "devbroker: listen: ") || !errors.As(err, new(*net.OpError)) {
		t.Errorf("got %v, want devbroker: listen: and why not", err)
	}
}

func TestOneBrokerIsReachedByTCPAndByPipe(t *testing.T) {
	t.Parallel()
	b := listen(t, devbroker.Config{})
	over, err := amqp.Dial(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	publisher, consumer := open(t, over), connect(t, b)
	consumer.declare("q", nil)
	publisher.put("q", "hello")
	check(t, "body", string(consumer.pull().Body), "hello")
}

func TestDialOfADoneContext(t *testing.T) {
	t.Parallel()
	b := pipe(t, devbroker.Config{})
	why := errors.New("no more")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	conn, err := b.DialContext(ctx, "tcp", "anywhere")
	if !errors.Is(err, why) || conn != nil {
		t.Errorf("got %v and %v, want the context's cause", conn, err)
	}
}

func TestAClosedBroker(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(devbroker.Config) (*devbroker.Broker, error){
		"that listens": devbroker.Start, "of pipes": devbroker.Pipe,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := closing(t)(start(devbroker.Config{}))
			for range 3 {
				if err := b.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if conn, err := b.Dial("tcp", ""); !errors.Is(err, devbroker.ErrClosed) || conn != nil {
				t.Errorf("dial gives %v and %v, want ErrClosed", conn, err)
			}
			if conn, err := amqp.Dial(b.URL()); err == nil {
				t.Errorf("a client connects all the same: %v", conn.Close())
			}
			check(t, "queues", len(b.Queues()), 0)
			b.Block("late")
			b.Unblock()
			b.Drop()
			b.Pause("q")
			b.Resume("q")
			b.CloseConnections("late")
			b.Inject(devbroker.Fault{On: devbroker.OnAck})()
		})
	}
}

func TestCloseAtOnceFromManySides(t *testing.T) {
	t.Parallel()
	b := listen(t, devbroker.Config{})
	connect(t, b)
	errs := make(chan error)
	for range 8 {
		go func() { errs <- b.Close() }()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestCloseForgetsEverything(t *testing.T) {
	t.Parallel()
	b := pipe(t, devbroker.Config{})
	c := connect(t, b)
	c.declare("q", nil)
	c.put("q", "hello")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	check(t, "queues", len(b.Queues()), 0)
	check(t, "messages", len(b.Messages("/", "q")), 0)
}
