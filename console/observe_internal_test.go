package console

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/topology"
)

// TestWhatAnyoneMayAnnounceIsBounded: the broker is asked for each parking queue, and each group is read.
func TestWhatAnyoneMayAnnounceIsBounded(t *testing.T) {
	t.Parallel()
	var seen []fleet.Seen
	for i := range 600 {
		a := &fleet.Announcement{Schedules: &fleet.Schedules{Group: strconv.Itoa(i)}}
		for j := range 40 {
			a.Parking = append(a.Parking, fleet.Parking{Queue: topology.ParkingQueue(fmt.Sprint(i, "-", j))})
		}
		seen = append(seen, fleet.Seen{Announcement: a})
	}
	var s snapshot
	s.view(seen)
	s.park(counts{})
	if len(s.Groups) != maxQueues || len(s.Parkings) != maxQueues {
		t.Errorf("there are %d groups and %d parking queues, want %d of each", len(s.Groups), len(s.Parkings), maxQueues)
	}
}

// TestQueuesAreCountedOverASlowNetwork, on which each answer takes 100 ms.
func TestQueuesAreCountedOverASlowNetwork(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		queues int
		cut    bool
	}{
		"as many as one count has time for": {150, false},
		"more":                              {300, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { countSlowly(t, tt.queues, tt.cut) })
		})
	}
}

func countSlowly(t *testing.T, queues int, cut bool) {
	dev, err := devbroker.Pipe(devbroker.Config{Heartbeat: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second) // for the last reads
	}()
	session, err := amqp.Dial(t.Context(), amqp.Config(broker.Config{
		URL: dev.URL(), Heartbeat: time.Hour,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dev.DialContext(ctx, network, address)
			return slow{conn}, err
		},
	}), "test")
	if err != nil {
		t.Fatal(err)
	}
	var s snapshot
	var all topology.Topology
	for i := range queues {
		name := fmt.Sprintf("q%03d", i)
		s.Queues = append(s.Queues, queue{Name: name})
		all.Queues = append(all.Queues, topology.Queue{Name: name})
	}
	if err := session.Declare(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	n, err := new(Console).count(t.Context(), session, &s)
	if err != nil || len(n.queues) < 150 || n.cut != cut || n.cut != (len(n.queues) < queues) {
		t.Errorf("%d of %d queues were counted, cut is %v, and the error %v", len(n.queues), queues, n.cut, err)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
}

// slow is a connection on which what is received takes 100 ms more.
type slow struct{ net.Conn }

func (s slow) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	time.Sleep(100 * time.Millisecond)
	return n, err
}
