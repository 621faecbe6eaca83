package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// service answers in 10 ms. While it is slow, requests wait for each other; while it is down, it answers 503.
type service struct {
	slow, down atomic.Bool
	one        sync.Mutex
}

func (s *service) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if s.slow.Load() {
		s.one.Lock()
		defer s.one.Unlock()
	}
	time.Sleep(10 * time.Millisecond)
	if s.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// call calls the service once.
func call(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode == http.StatusOK {
		return err
	}
	return fmt.Errorf("the service answered %s", answer.Status)
}
