package schedule_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/schedule"
)

// child is a scheduler in a child process. It publishes every second to a queue with the
// name of its group, and prints its role when the role changes.
func child(url string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s := schedule.New(schedule.Config{
		Name: os.Getenv("SCHEDULER_GROUP"), Broker: broker.Config{URL: url}, Logger: slog.New(slog.DiscardHandler),
		Entries: []schedule.Entry{{Name: "second", Cron: "* * * * * *", Key: os.Getenv("SCHEDULER_GROUP")}},
		OnEvent: func(e schedule.Event) {
			if e, ok := e.(schedule.Changed); ok {
				fmt.Println(e.Role)
			}
		},
	})
	return s.Run(ctx)
}

// replica is such a process.
type replica struct {
	cmd   *exec.Cmd
	lines sync.WaitGroup

	mu   sync.Mutex
	role string
	led  time.Time // when it began to lead
}

func startReplica(t *testing.T, url, group string) *replica {
	t.Helper()
	p := &replica{cmd: exec.CommandContext(t.Context(), os.Args[0])}
	p.cmd.Env = append(os.Environ(), childVariable+"="+url, "SCHEDULER_GROUP="+group)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.lines.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.mu.Lock()
			if p.role = lines.Text(); p.role == schedule.RoleLeader {
				p.led = time.Now()
			}
			p.mu.Unlock()
		}
	})
	rabbit.Eventually(t, time.Minute, func() bool { return p.is(schedule.RoleStandby) || p.is(schedule.RoleLeader) }, "a replica is there")
	return p
}

func (p *replica) is(role string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.role == role
}

// end signals the process and waits for its end.
func (p *replica) end(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	p.lines.Wait()
	if err := p.cmd.Wait(); err != nil && signal == syscall.SIGTERM {
		t.Errorf("a replica ended with %v", err)
	}
}

// arrival is a tick as a consumer sees it.
type arrival struct {
	id string
	at time.Time
}

// ticks consumes what is published to a queue of the group's name.
func ticks(t *testing.T, url, group string) func() []arrival {
	t.Helper()
	ch := rabbit.Channel(t, url)
	if _, err := ch.QueueDeclare(group, true, false, false, false, amqp.Table{"x-queue-type": "quorum"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ch := rabbit.Channel(t, url)
		for _, q := range []string{group, schedule.TokenQueue(group), schedule.StateQueue(group)} {
			if _, err := ch.QueueDelete(q, false, false, false); err != nil {
				t.Error(err)
			}
		}
	})
	deliveries, err := ch.Consume(group, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []arrival
	go func() {
		for d := range deliveries {
			mu.Lock()
			all = append(all, arrival{id: d.MessageId, at: time.Now()})
			mu.Unlock()
		}
	}()
	return func() []arrival {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// tally is what became of the ticks of every second.
type tally struct {
	ticks, twice, lost int
	late               []time.Duration // sorted
}

func count(t *testing.T, all []arrival) (c tally) {
	t.Helper()
	seen := make(map[time.Time]int)
	for _, a := range all {
		_, stamp, _ := strings.Cut(a.id, "/")
		tick, err := time.Parse(time.RFC3339, stamp)
		if err != nil {
			t.Fatal(err)
		}
		if seen[tick]++; seen[tick] > 1 {
			c.twice++
		}
		c.late = append(c.late, a.at.Sub(tick))
	}
	if c.ticks = len(seen); c.ticks == 0 {
		return c
	}
	var first, last time.Time
	for tick := range seen {
		if first.IsZero() || tick.Before(first) {
			first = tick
		}
		if tick.After(last) {
			last = tick
		}
	}
	c.lost = int(last.Sub(first)/time.Second) + 1 - c.ticks
	slices.Sort(c.late)
	return c
}

// TestTheLeaderIsKilled runs two processes that publish every second, and kills the leader
// twice with SIGKILL. SCHEDULE_TICKS is the duration in seconds; the README's promise is for 120.
func TestTheLeaderIsKilled(t *testing.T) {
	t.Parallel()
	seconds := 16
	if s := os.Getenv("SCHEDULE_TICKS"); s != "" {
		if _, err := fmt.Sscan(s, &seconds); err != nil {
			t.Fatal(err)
		}
	}
	url, group := rabbit.URL(t), rabbit.Queue(t)
	arrived := ticks(t, url, group)
	replicas := []*replica{startReplica(t, url, group), startReplica(t, url, group)}
	leader := func() *replica {
		var found *replica
		rabbit.Eventually(t, time.Minute, func() bool {
			i := slices.IndexFunc(replicas, func(p *replica) bool { return p.is(schedule.RoleLeader) })
			if i >= 0 {
				found = replicas[i]
			}
			return i >= 0
		}, "somebody leads")
		return found
	}
	leader()
	part := seconds / 3
	for i := range 3 {
		rabbit.Eventually(t, time.Duration(seconds+30)*time.Second, func() bool { return len(arrived()) >= (i+1)*part }, "ticks arrive")
		if i == 2 {
			break
		}
		dead := leader()
		killed := time.Now()
		dead.end(t, syscall.SIGKILL)
		replicas = slices.DeleteFunc(replicas, func(p *replica) bool { return p == dead })
		next := leader()
		t.Logf("takeover %d: %v after the kill", i+1, next.led.Sub(killed).Round(time.Millisecond))
		replicas = append(replicas, startReplica(t, url, group))
	}
	for _, p := range replicas {
		p.end(t, syscall.SIGTERM)
	}
	c := count(t, arrived())
	t.Logf("%d ticks, %d twice, %d lost; late by p50 %v, at most %v", c.ticks, c.twice, c.lost,
		c.late[len(c.late)/2].Round(time.Millisecond), c.late[len(c.late)-1].Round(time.Millisecond))
	if c.twice > 2 || c.lost > 0 || c.ticks+c.twice < seconds/3*3 {
		t.Error("want no tick lost, and for each kill one published twice at most")
	}
	if most := c.late[len(c.late)-1]; most > 5*time.Second {
		t.Errorf("a tick was %v late, want no more than a takeover", most)
	}
}
