package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"
)

// selfTestTimeout bounds the whole story, which takes about two seconds.
const selfTestTimeout = 60 * time.Second

// story is a self-test that is being told.
type story struct {
	*app

	visitor visitor
	out     *log.Logger
}

// selfTest runs the service and tells the story to out. What the worker would log
// is in the error if the story ends badly.
func selfTest(ctx context.Context, o options, out *log.Logger) error {
	ctx, cancel := context.WithTimeoutCause(ctx, selfTestTimeout, fmt.Errorf("not over within %v", selfTestTimeout))
	defer cancel()
	a := newApp(o, slog.New(slog.DiscardHandler))
	err := a.run(ctx, func(ctx context.Context, url string) error {
		s := &story{app: a, visitor: newVisitor(url), out: out}
		defer s.visitor.leave()
		return s.tell(ctx)
	})
	if err != nil {
		return fmt.Errorf("self-test failed: %w", err)
	}
	out.Printf("passed; the exchange and the queues named %s* are left on the broker", o.prefix)
	return nil
}

func (s *story) tell(ctx context.Context) error {
	for _, chapter := range []func(context.Context) error{s.fanOut, s.urgent, s.retries, s.deadLetters} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *story) stepf(format string, args ...any) { s.out.Printf("ok  "+format, args...) }

func (s *story) signUp(ctx context.Context, email string) (id string, err error) {
	id, took, err := s.visitor.post(ctx, "/signup", email)
	if err == nil {
		s.stepf("sign-up: %s accepted in %.1f ms", email, took)
	}
	return id, err
}

func since(start time.Time) time.Duration { return time.Since(start).Round(time.Millisecond) }
