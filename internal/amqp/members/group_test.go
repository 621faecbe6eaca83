package members_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/members"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

const partitions = 8

// member is a process of a group, which is a connection here.
type member struct {
	active    atomic.Bool
	asked     atomic.Int64 // how often the group asked whether the member is active
	leave     func()       // in good order
	group     *members.Group
	connector *amqp.Connector

	mu    sync.Mutex
	share []int
	log   strings.Builder
}

func join(t *testing.T, url, queue string) *member {
	t.Helper()
	m := &member{}
	m.active.Store(true)
	life, hangUp := context.WithCancel(context.Background())
	c := amqp.NewConnector(amqp.Config{URL: url, Dial: rabbit.Dial}, "test", nil)
	ctx, stop := context.WithCancel(life)
	g := members.New(c, members.Options{
		Queue: queue, Partitions: partitions, Log: slog.New(slog.NewTextHandler(m, nil)), Active: func() bool {
			m.asked.Add(1)
			return m.active.Load()
		},
		Assign: func(share []int) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.share = share
		},
	})
	m.connector, m.group = c, g
	var connected, running sync.WaitGroup
	connected.Go(func() { _ = c.Run(life) })
	running.Go(func() { g.Run(ctx) })
	m.leave = func() { stop(); running.Wait(); hangUp(); connected.Wait() }
	t.Cleanup(m.leave)
	return m
}

// Write writes the log.
func (m *member) Write(text []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.log.Write(text)
}

func (m *member) has() []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.share)
}

// deleteQueue deletes the queue of a member, over its own connection: it is exclusive.
func (m *member) deleteQueue(t *testing.T) {
	t.Helper()
	s, err := m.connector.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ch, err := s.Channel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDelete(m.group.QueueName(), false, false, false); err != nil {
		t.Fatal(err)
	}
	if err := ch.Close(); err != nil {
		t.Error(err)
	}
}

// divided waits until the members have shares of these sizes, in any order, and each partition once.
func divided(t *testing.T, sizes []int, all ...*member) {
	t.Helper()
	rabbit.Eventually(t, time.Minute, func() bool {
		var union, have []int
		for _, m := range all {
			share := m.has()
			union, have = append(union, share...), append(have, len(share))
		}
		slices.Sort(union)
		slices.Sort(have)
		return len(union) == partitions && len(slices.Compact(union)) == partitions && slices.Equal(have, sizes)
	}, fmt.Sprintf("the shares are %v", sizes))
}

// TestAMemberWhoseQueueIsDeletedStaysInTheGroup: the broker cancels its consumer, and its channel
// stays open.
func TestAMemberWhoseQueueIsDeletedStaysInTheGroup(t *testing.T) {
	t.Parallel()
	rabbit.Run(t, "the queue of one of two members is deleted", func(t *testing.T) {
		url, queue := rabbit.URL(t), rabbit.Queue(t)
		first := join(t, url, queue)
		divided(t, []int{8}, first)
		first.deleteQueue(t)
		second := join(t, url, queue)
		divided(t, []int{4, 4}, first, second)
		second.leave()
		divided(t, []int{8}, first)
	})
	rabbit.Run(t, "and another client has taken its name", func(t *testing.T) {
		rabbit.Waits(t, "5 seconds or more, after which a member is forgotten")
		url, queue := rabbit.URL(t), rabbit.Queue(t)
		first, second := join(t, url, queue), join(t, url, queue)
		divided(t, []int{4, 4}, first, second)
		rabbit.Eventually(t, time.Minute, func() bool {
			first.deleteQueue(t)
			_, err := rabbit.Channel(t, url).QueueDeclare(first.group.QueueName(), false, true, true, false, nil)
			return err == nil
		}, "another client has the name")
		second.leave()
		divided(t, []int{8}, first)
	})
}

// announce publishes an announcement as another program does.
func announce(t *testing.T, ch *amqp091.Channel, queue, body string) {
	t.Helper()
	if err := ch.Publish(topology.PartitionExchange, queue, false, false, amqp091.Publishing{Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
}

func hello(member string, claims ...int) string {
	body, err := json.Marshal(map[string]any{"kind": "hello", "member": member, "claims": claims})
	if err != nil {
		panic(err)
	}
	return string(body)
}

// TestAMemberWithALongNameCostsNoConnection: a queue name of more than 255 bytes cannot be written.
func TestAMemberWithALongNameCostsNoConnection(t *testing.T) {
	t.Parallel()
	rabbit.Run(t, "a client announces a name of 300 bytes", func(t *testing.T) {
		rabbit.Waits(t, "2 seconds, after which a member is probed")
		url, queue := rabbit.URL(t), rabbit.Queue(t)
		first := join(t, url, queue)
		divided(t, []int{8}, first)
		session, err := first.connector.Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ch, ghost := rabbit.Channel(t, url), rand.Text()
		announce(t, ch, queue, hello(strings.Repeat("x", 300)))
		announce(t, ch, queue, hello(ghost)) // has a share until its probe comes back, which is after the other probe
		rabbit.Eventually(t, time.Minute, func() bool { return len(first.has()) < partitions }, "the ghost has a share")
		divided(t, []int{8}, first)
		if err := session.Err(); err != nil {
			t.Errorf("the connection was lost: %v", err)
		}
	})
}

// TestAnAnnouncementWithoutNewsIsCheap: the partitions are divided only if a claim has changed.
func TestAnAnnouncementWithoutNewsIsCheap(t *testing.T) {
	t.Parallel()
	rabbit.Run(t, "a member repeats itself 1,000 times", func(t *testing.T) {
		url, queue := rabbit.URL(t), rabbit.Queue(t)
		first := join(t, url, queue)
		divided(t, []int{8}, first)
		ch, second, third := rabbit.Channel(t, url), rand.Text(), rand.Text()
		for _, other := range []string{second, third} {
			if _, err := ch.QueueDeclare(topology.PartitionExchange+"."+other, false, true, true, false, nil); err != nil {
				t.Fatal(err)
			}
		}
		before := first.asked.Load()
		for range 1000 {
			announce(t, ch, queue, hello(second, 0, 1, 2, 3))
		}
		announce(t, ch, queue, hello(third))
		rabbit.Eventually(t, time.Minute, func() bool { return len(first.has()) < 4 }, "three members have shares")
		if n := first.asked.Load() - before; n > 500 {
			t.Errorf("the partitions were divided %d times, want only for news", n)
		}
	})
}

// TestMembersDivideThePartitions that come, pause, resume and leave, whatever else is said to them.
func TestMembersDivideThePartitions(t *testing.T) {
	t.Parallel()
	rabbit.Run(t, "three members and a stranger", func(t *testing.T) {
		url, queue := rabbit.URL(t), rabbit.Queue(t)
		first := join(t, url, queue)
		divided(t, []int{8}, first)
		ch := rabbit.Channel(t, url)
		for _, body := range []string{"", "{", "[1]", `{"kind":"hello"}`, `{"kind":"hi","member":"` + rand.Text() + `"}`, hello(strings.Repeat("x", 70_000))} {
			announce(t, ch, queue, body)
		}
		second, third := join(t, url, queue), join(t, url, queue)
		divided(t, []int{2, 3, 3}, first, second, third)
		second.active.Store(false)
		divided(t, []int{0, 4, 4}, first, second, third)
		second.active.Store(true)
		divided(t, []int{2, 3, 3}, first, second, third)
		kept := second.has()
		first.leave()
		divided(t, []int{4, 4}, second, third)
		for _, p := range kept {
			if !slices.Contains(second.has(), p) {
				t.Errorf("partition %d has moved, although its owner stayed", p)
			}
		}
		announce(t, ch, queue, hello(rand.Text()))
		rabbit.Eventually(t, time.Minute, func() bool { return len(second.has())+len(third.has()) < partitions }, "a member that does not exist has a share")
		divided(t, []int{4, 4}, second, third) // a probe came back
	})
}
