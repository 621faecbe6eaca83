package rabbit_test

import (
	"net"
	"net/url"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/rabbit"
)

// TestANode uses one node for all tests, since a start takes 5 s of a core.
func TestANode(t *testing.T) {
	t.Parallel()
	node := rabbit.Start(t)
	t.Run("closes connections", func(t *testing.T) { closesConnections(t, node) })
	t.Run("stops and starts again", func(t *testing.T) { stopsAndStarts(t, node) })
	t.Run("keeps a durable message when it is killed", func(t *testing.T) {
		rabbit.NeedsDisk(t)
		keepsAMessage(t, node)
	})
	t.Run("is like a new one for the next test", func(t *testing.T) {
		rabbit.NeedsDisk(t)
		isRenewed(t, node)
	})
	t.Run("does not start while another program answers at its port", func(t *testing.T) {
		rabbit.NeedsDisk(t)
		needsItsPort(t, node)
	})
}

func closesConnections(t *testing.T, node rabbit.Node) {
	t.Helper()
	closed := rabbit.Connect(t, node.URL()).NotifyClose(make(chan *amqp.Error, 1))
	node.CloseConnections(t, "test")
	if code := lossCode(t, closed); code != amqp.ConnectionForced {
		t.Errorf("closed with code %d, want %d", code, amqp.ConnectionForced)
	}
	rabbit.Connect(t, node.URL())
}

func stopsAndStarts(t *testing.T, node rabbit.Node) {
	t.Helper()
	url := node.URL()
	closed := rabbit.Connect(t, url).NotifyClose(make(chan *amqp.Error, 1))

	node.Stop(t)
	if code := lossCode(t, closed); code != amqp.ConnectionForced && code != amqp.FrameError { // the connection may end before the client reads the reason
		t.Errorf("closed with code %d, want %d", code, amqp.ConnectionForced)
	}
	if conn, err := amqp.Dial(url); err == nil {
		t.Fatalf("connected to a stopped broker: %v", conn.Close())
	}
	node.Restart(t)
	if node.URL() != url {
		t.Errorf("the URL is %s after a restart, want %s", node.URL(), url)
	}
	rabbit.Connect(t, url)
}

func keepsAMessage(t *testing.T, node rabbit.Node) {
	t.Helper()
	ch := rabbit.Channel(t, node.URL())
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	queue := declare(t, ch)
	publish(t, ch, queue)

	node.Settle(t)
	node.Kill(t)
	if code := lossCode(t, closed); code == amqp.ConnectionForced {
		t.Errorf("lost with code %d, want none from a killed node", code)
	}
	if conn, err := amqp.Dial(node.URL()); err == nil {
		t.Fatalf("connected to a killed node: %v", conn.Close())
	}

	node.Restart(t)
	again := rabbit.Channel(t, node.URL())
	rabbit.Eventually(t, 30*time.Second, func() bool { return rabbit.Depth(t, again, queue) == 1 },
		"the message is in its queue again")
}

// lossCode waits for the loss of a connection or channel, and returns its AMQP code, or 0 if it
// has none.
func lossCode(t *testing.T, closed <-chan *amqp.Error) int {
	t.Helper()
	select {
	case e := <-closed:
		if e == nil {
			return 0
		}
		return e.Code
	case <-time.After(30 * time.Second):
		t.Fatal("the client did not see the loss within 30s")
		return 0
	}
}

func isRenewed(t *testing.T, node rabbit.Node) {
	t.Helper()
	queue := declare(t, rabbit.Channel(t, node.URL()))
	user := node.Permit(t, rabbit.User{Name: "mallory", Password: "secret", Configure: ".*", Write: ".*", Read: ".*"})
	rabbit.Connect(t, user)
	node.Block(t)
	node.LimitMessages(t, 1)
	node.LimitConnections(t, 1)
	node.Stop(t)
	if err := rabbit.Renew(node); err != nil {
		t.Fatal(err)
	}
	ch := rabbit.Channel(t, node.URL())
	publish(t, ch, declare(t, ch)) // nothing blocks or refuses it
	if _, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil); err == nil {
		t.Error("a queue is left")
	}
	if conn, err := amqp.Dial(user); err == nil {
		t.Errorf("a user is left: %v", conn.Close())
	}
}

func needsItsPort(t *testing.T, node rabbit.Node) {
	t.Helper()
	node.Stop(t)
	at, err := url.Parse(node.URL())
	if err != nil {
		t.Fatal(err)
	}
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", at.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() }) // nothing was written
	go func() {
		for conn, err := taken.Accept(); err == nil; conn, err = taken.Accept() {
			<-time.After(time.Second) // the broker's process has begun
			_, _ = conn.Write([]byte{1})
		}
	}()
	if err := rabbit.TryRestart(node); err == nil {
		t.Error("the node is said to have started")
	}
}
