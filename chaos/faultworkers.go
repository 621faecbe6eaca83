package main

import (
	"context"
	"errors"
	"time"
)

// throughProxies gives each node a proxy, and the workers and the publisher the URLs of the
// proxies.
func throughProxies(_ context.Context, s *stage) error {
	var urls []string
	for i := range s.nodes.urls {
		p, url, err := newProxy(s.nodes.address(i, s.vhost, user))
		if err != nil {
			return err
		}
		s.proxies, urls = append(s.proxies, p), append(urls, url)
	}
	return writeURLs(s.dir, urls)
}

// halfOpen holds all connections for 60 s without closing them.
func halfOpen(ctx context.Context, s *stage) error {
	return s.repeat(ctx, func(int) error {
		s.sayf("hold connections")
		hold(s.proxies, s.options.scaled(60*time.Second))
		s.pause(ctx, 30*time.Second)
		return nil
	})
}

// killWorkers kills the oldest worker and starts another.
func killWorkers(ctx context.Context, s *stage) error {
	return s.repeat(ctx, func(int) error {
		err := errors.Join(s.fleet.kill(), s.fleet.add())
		s.pause(ctx, 4*time.Second)
		return err
	})
}

// deploy replaces all workers: each new one starts before an old one stops.
func deploy(ctx context.Context, s *stage) error {
	return s.repeat(ctx, func(int) error {
		for range workers {
			if err := s.fleet.add(); err != nil {
				return err
			}
			took, err := s.fleet.stop()
			if err != nil {
				return err
			}
			s.stopped = max(s.stopped, took)
		}
		s.pause(ctx, 2*time.Second)
		return nil
	})
}
