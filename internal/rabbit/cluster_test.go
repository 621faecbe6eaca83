package rabbit_test

import (
	"errors"
	"net"
	"net/url"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	engine "github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

func TestAClusterSurvivesAKilledNode(t *testing.T) {
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
		q := topology.WorkQueue{Name: "mail", Exchange: "events"}
		leadersAreSpread(t, nodes, topology.Shared().Merge(topology.LevelTopology(time.Minute), q.Topology()))
		outliveANode(t, nodes, q.Name)
	})
	for _, address := range addresses { // the cluster is removed
		if conn, err := net.Dial("tcp", address); err == nil {
			t.Errorf("connected to %s of a removed cluster: %v", address, conn.Close())
		}
	}
}

// leadersAreSpread declares six queues at one node. Each node leads some of them.
func leadersAreSpread(t *testing.T, nodes []rabbit.Node, wanted topology.Topology) {
	t.Helper()
	s, err := engine.Dial(t.Context(), engine.Config{URL: nodes[0].URL()}, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Declare(t.Context(), wanted), s.Close()); err != nil {
		t.Fatal(err)
	}
	leaders, queues := rabbit.Leaders(t, nodes[0]), make(map[string][]string)
	for _, q := range wanted.Queues {
		queues[leaders[q.Name]] = append(queues[leaders[q.Name]], q.Name)
	}
	if len(wanted.Queues) != 6 || len(queues) != len(nodes) {
		t.Errorf("the leaders of %d queues are %v, want 6 queues and leaders at each of %d nodes", len(wanted.Queues), queues, len(nodes))
	}
}

// outliveANode kills the node whose consumer has a message of a work queue. A consumer at
// another node gets the message: RabbitMQ 4.3 would wait for 60 s by default.
func outliveANode(t *testing.T, nodes []rabbit.Node, queue string) {
	t.Helper()
	ch := rabbit.Channel(t, nodes[0].URL())
	<-consume(t, ch, queue, func() { publish(t, ch, queue) })
	next := consume(t, rabbit.Channel(t, nodes[1].URL()), queue, func() {})
	killed := time.Now()
	nodes[0].Kill(t)
	select {
	case d, ok := <-next:
		t.Logf("the message came again after %v", time.Since(killed))
		if !ok || d.Ack(false) != nil {
			t.Error("the consumer at another node is gone")
		}
	case <-time.After(30 * time.Second):
		t.Error("the message of a dead node's consumer did not come again within 30 s")
	}
	nodes[0].Restart(t)
}

// consume consumes a queue and calls begun.
func consume(t *testing.T, ch *amqp.Channel, queue string, begun func()) <-chan amqp.Delivery {
	t.Helper()
	got, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	begun()
	return got
}

func host(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
