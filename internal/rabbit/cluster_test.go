package rabbit_test

import (
	"net"
	"net/url"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/rabbit"
)

func TestAClusterOutlivesAKilledNode(t *testing.T) {
	rabbit.NeedsDisk(t)
	var addresses []string
	t.Run("three nodes", func(t *testing.T) {
		nodes := rabbit.StartCluster(t, 3)
		if len(nodes) != 3 {
			t.Fatalf("started %d nodes, want 3", len(nodes))
		}
		for _, n := range nodes {
			addresses = append(addresses, host(t, n.URL()))
		}
		outliveANode(t, nodes)
	})
	for _, address := range addresses { // the cluster is removed
		if conn, err := net.Dial("tcp", address); err == nil {
			t.Errorf("connected to %s of a removed cluster: %v", address, conn.Close())
		}
	}
}

// outliveANode kills the node on which a quorum queue was declared, reads the depth of the queue
// at another node, and starts the node again.
func outliveANode(t *testing.T, nodes []rabbit.Node) {
	t.Helper()
	ch := rabbit.Channel(t, nodes[0].URL())
	queue := rabbit.Queue(t)
	_, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": "quorum"})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, ch, queue)
	next := rabbit.Channel(t, nodes[1].URL())
	nodes[0].Kill(t)
	rabbit.Eventually(t, 30*time.Second, func() bool { return rabbit.Depth(t, next, queue) == 1 },
		"the message is in its queue")
	nodes[0].Restart(t)
}

func host(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
