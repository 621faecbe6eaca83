package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"github.com/warren-mq/warren/bench/internal/machine"
	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/fleet"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const childSetup = "BENCH_FLEET" // makes this program a process of workers

// queuesOf returns the queues of a worker.
func queuesOf(i int) []string {
	name := fmt.Sprintf("bench-fleet-%03d", i)
	return []string{name, topology.DeadLetterQueue(name), topology.ParkingQueue(name)}
}

// child runs workers until its input ends. It writes a line when all consume.
func child(setup string) error {
	var first, n int
	var announce bool
	if _, err := fmt.Sscan(setup, &first, &n, &announce); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, n)
	for i := range n {
		c := worker.Config{Broker: broker.Config{URL: os.Getenv("AMQP_URL")}, Logger: slog.New(slog.DiscardHandler)}
		if announce {
			c.Fleet = &fleet.Config{}
		}
		w := worker.New(c)
		w.Queue(worker.Queue{Name: queuesOf(first + i)[0], Type: topology.Classic}).
			Handle("#", handler.Func(func(context.Context, *message.Message) error { return nil }))
		go func() { ended <- w.Run(ctx) }()
		select {
		case <-w.Ready():
		case err := <-ended:
			return err
		}
	}
	printf("ready\n")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	stop()
	var err error
	for range n {
		err = errors.Join(err, <-ended)
	}
	return err
}

// group is the processes of workers.
type group struct{ all []*exec.Cmd }

func startGroup(ctx context.Context, o options, announce bool) (*group, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	g := new(group)
	for i := range processes {
		cmd := exec.CommandContext(ctx, self)
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %t", childSetup, i*o.workers, o.workers, announce))
		cmd.Stderr = os.Stderr
		if err := g.start(cmd); err != nil {
			g.kill()
			return nil, err
		}
	}
	return g, nil
}

// start starts a process, and returns when its workers consume.
func (g *group) start(cmd *exec.Cmd) error {
	if _, err := cmd.StdinPipe(); err != nil { // kept open
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	g.all = append(g.all, cmd)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("a process of workers did not become ready: got %q: %w", line, err)
	}
	return nil
}

func (g *group) killOne() error {
	cmd := g.all[0]
	g.all = g.all[1:]
	err := cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	return err
}

func (g *group) kill() {
	for len(g.all) > 0 {
		_ = g.killOne() // it may have ended already
	}
}

// cpu returns the CPU time that all processes have used.
func (g *group) cpu() (sum time.Duration) {
	for _, cmd := range g.all {
		sum += machine.CPU(cmd.Process.Pid)
	}
	return sum
}
