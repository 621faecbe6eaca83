package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"
)

// killNodes kills each node in turn and starts it again.
func killNodes(ctx context.Context, s *stage) error {
	order := s.victims()
	return s.repeat(ctx, func(i int) error {
		return s.killNode(ctx, order[i%len(order)])
	})
}

func (s *stage) killNode(ctx context.Context, node int) error {
	s.sayf("kill node %d", node+1)
	if err := s.nodes.command(ctx, node, "kill"); err != nil {
		return err
	}
	err := s.nodes.command(ctx, node, "restart")
	s.pause(ctx, 10*time.Second)
	return err
}

// killWorkersAndNodes kills the oldest worker and starts another, and then does the same with a node.
func killWorkersAndNodes(ctx context.Context, s *stage) error {
	order := s.victims()
	return s.repeat(ctx, func(i int) error {
		err := errors.Join(s.fleet.kill(), s.fleet.add())
		s.pause(ctx, 4*time.Second)
		return errors.Join(err, s.killNode(ctx, order[i%len(order)]))
	})
}

// downFirst kills the node of the first URL, to which the publisher is connected.
func downFirst(ctx context.Context, s *stage) error {
	return s.repeat(ctx, func(int) error {
		s.sayf("node 1 down")
		if err := s.nodes.command(ctx, 0, "kill"); err != nil {
			return err
		}
		s.pause(ctx, 60*time.Second)
		return s.nodes.command(ctx, 0, "restart")
	})
}

// loseMajority kills all nodes but one, and starts them again after 200 s.
func loseMajority(ctx context.Context, s *stage) error {
	return s.repeat(ctx, func(int) error {
		down := s.victims()[1:]
		s.sayf("nodes %d of %d down", len(down), len(down)+1)
		err := s.nodes.each(down, func(node int) error { return s.nodes.command(ctx, node, "kill") })
		s.pause(ctx, 200*time.Second)
		err = errors.Join(err, s.nodes.each(down, func(node int) error { return s.nodes.command(ctx, node, "restart") }))
		s.pause(ctx, 30*time.Second)
		return err
	})
}

// each runs a command on some nodes at the same time.
func (n *nodes) each(some []int, run func(node int) error) error {
	errs := make([]error, len(some))
	var all sync.WaitGroup
	for i, node := range some {
		all.Go(func() { errs[i] = run(node) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// restartNodes shuts down each node in turn and starts it again.
func restartNodes(ctx context.Context, s *stage) error {
	return s.repeat(ctx, func(int) error {
		for _, node := range s.victims() {
			s.sayf("restart node %d", node+1)
			if err := s.nodes.command(ctx, node, "restart"); err != nil {
				return err
			}
			s.pause(ctx, 10*time.Second)
		}
		return nil
	})
}

// freezeNodes stops the process of each node in turn for 60 s.
func freezeNodes(ctx context.Context, s *stage) error {
	order := s.victims()
	return s.repeat(ctx, func(i int) error {
		node := order[i%len(order)]
		pid, err := s.nodes.pid(ctx, node)
		if err != nil {
			return err
		}
		s.sayf("freeze node %d", node+1)
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			return err
		}
		s.pause(ctx, 60*time.Second)
		err = syscall.Kill(pid, syscall.SIGCONT)
		s.pause(ctx, 30*time.Second)
		return err
	})
}

// partition cuts one node off from the others for 60 s. A cookie that does not match makes
// the nodes refuse each other's connections, while clients reach all of them.
func partition(ctx context.Context, s *stage) error {
	all, err := s.nodes.names(ctx)
	if err != nil {
		return err
	}
	order := s.victims()
	return s.repeat(ctx, func(i int) error {
		node := order[i%len(order)]
		others := strings.Join(append(append([]string{}, all[:node]...), all[node+1:]...), ", ")
		s.sayf("partition of node %d", node+1)
		_, cut := s.nodes.ctl(ctx, node, "eval", fmt.Sprintf("[begin erlang:set_cookie(N, partition), erlang:disconnect_node(N) end || N <- [%s]].", others))
		s.pause(ctx, 60*time.Second)
		_, healed := s.nodes.ctl(ctx, node, "eval", fmt.Sprintf("[erlang:set_cookie(N, erlang:get_cookie()) || N <- [%s]].", others))
		s.pause(ctx, 30*time.Second)
		return errors.Join(cut, healed)
	})
}
