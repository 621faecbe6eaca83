package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/retry"
)

func memory() *dedupe.Memory { return dedupe.NewMemory(time.Hour, 100) }

func TestDedupeRunsAgainOnlyWhatDidNotSucceed(t *testing.T) {
	t.Parallel()
	byType := middleware.WithKey(func(m *message.Message) string { return m.Type })
	welcome := message.Message{ID: "7", Queue: "welcome", Type: "t"}
	for _, tt := range []struct {
		name   string
		first  error
		second message.Message
		opts   []middleware.DedupeOption
		runs   int
	}{
		{"a duplicate of success is skipped", nil, welcome, nil, 1},
		{"after an error it runs", errBoom, welcome, nil, 2},
		{"after a permanent error it runs, for a replay", retry.Permanent(errBoom), welcome, nil, 2},
		{"after a snooze it runs", retry.Snooze(1), welcome, nil, 2},
		{"after a release it runs", handler.ErrStopping, welcome, nil, 2},
		{"another message runs", nil, message.Message{ID: "8", Queue: "welcome"}, nil, 2},
		{"the same message on another queue runs", nil, message.Message{ID: "7", Queue: "audit"}, nil, 2},
		{"a key of one's own decides", nil, message.Message{ID: "8", Queue: "audit", Type: "t"}, []middleware.DedupeOption{byType}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			runs := 0
			h := middleware.Dedupe(memory(), tt.opts...)(returns(&runs, tt.first, nil))
			if err := h.Handle(t.Context(), &welcome); err != tt.first { //nolint:errorlint // the very error
				t.Errorf("first: %v, want %v untouched", err, tt.first)
			}
			if err := h.Handle(t.Context(), &tt.second); err != nil {
				t.Errorf("second: %v", err)
			}
			if runs != tt.runs {
				t.Errorf("%d runs, want %d", runs, tt.runs)
			}
		})
	}
}

func TestDedupeJustRunsWithoutAKey(t *testing.T) {
	t.Parallel()
	runs := 0
	h := middleware.Dedupe(memory())(returns(&runs, nil))
	for range 2 {
		if err := h.Handle(t.Context(), &message.Message{Queue: "q"}); err != nil {
			t.Fatal(err)
		}
	}
	if runs != 2 {
		t.Errorf("%d runs, want 2", runs)
	}
}

func TestDedupeSnoozesWhatIsBeingHandled(t *testing.T) {
	t.Parallel()
	runs, m := 0, &message.Message{ID: "7"}
	var h handler.Handler
	var inside error
	h = middleware.Dedupe(memory())(handler.Func(func(ctx context.Context, m *message.Message) error {
		runs++
		inside = h.Handle(ctx, m)
		return nil
	}))
	if err := h.Handle(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if d, ok := retry.SnoozeDelay(inside); !ok || d != 5*time.Second || runs != 1 {
		t.Errorf("the twin got %v after %d runs, want a snooze of 5s after 1", inside, runs)
	}
}

func TestDedupeReleasesAfterAPanic(t *testing.T) {
	t.Parallel()
	store, m := memory(), &message.Message{ID: "7"}
	mustPanic(t, func() { _ = middleware.Dedupe(store)(handler.Func(panics)).Handle(t.Context(), m) })
	runs := 0
	if err := middleware.Dedupe(store)(returns(&runs, nil)).Handle(t.Context(), m); err != nil || runs != 1 {
		t.Errorf("after the panic: %v after %d runs, want it to run", err, runs)
	}
}

// A process that dies settles nothing; what it held must be handled later.
func TestDedupeLosesNothingWhenItsWorkerDies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, runs, m := memory(), 0, &message.Message{ID: "7", Queue: "q"}
		if claim, _, err := store.Claim(t.Context(), "q/7", time.Minute); claim != dedupe.Won || err != nil {
			t.Fatal(claim, err)
		}
		h := middleware.Dedupe(store)(returns(&runs, nil))
		begin := time.Now()
		for {
			err := h.Handle(t.Context(), m)
			d, snoozed := retry.SnoozeDelay(err)
			if !snoozed {
				break
			}
			time.Sleep(d)
		}
		if took := time.Since(begin); runs != 1 || took != time.Minute {
			t.Errorf("%d runs after %v, want 1 when the lease ends after 1m", runs, took)
		}
	})
}

// fake is a store that answers as told and takes notes.
type fake struct {
	claim         dedupe.Claim
	err           error
	lease         time.Duration
	verbs         []string
	token         dedupe.Token // the last one that was shown
	settledInTime bool
}

func (f *fake) Claim(_ context.Context, _ string, lease time.Duration) (dedupe.Claim, dedupe.Token, error) {
	f.lease = lease
	if f.claim == 0 {
		return 0, "", f.err
	}
	return f.claim, "token", nil
}

func (f *fake) settle(ctx context.Context, verb string, token dedupe.Token) error {
	f.token = token
	_, limited := ctx.Deadline()
	f.settledInTime = ctx.Err() == nil && limited
	f.verbs = append(f.verbs, verb)
	return f.err
}

func (f *fake) Complete(ctx context.Context, _ string, token dedupe.Token) error {
	return f.settle(ctx, "complete", token)
}

func (f *fake) Release(ctx context.Context, _ string, token dedupe.Token) error {
	return f.settle(ctx, "release", token)
}

func TestDedupeWhenTheStoreIsDown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		store   fake
		handler error
		want    string // the error's text
		log     string
		runs    int
	}{
		{"a claim that fails is the message's error", fake{err: errBoom}, nil, `middleware: dedupe: claim "q/7": boom`, "", 0},
		{"an answer unheard of is an error", fake{claim: 9}, nil, `middleware: dedupe: claim "q/7": the store answered 9, want Won, Busy or Done`, "", 0},
		{"what was handled stays handled", fake{claim: dedupe.Won, err: errBoom}, nil, "", "cannot complete a claim", 1},
		{"the handler's error comes first", fake{claim: dedupe.Won, err: errBoom}, context.Canceled, "context canceled", "cannot release a claim", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			runs := 0
			h := middleware.Dedupe(&tt.store, middleware.WithStoreLog(textLog(&out, slog.LevelDebug)))(returns(&runs, tt.handler))
			got := ""
			if err := h.Handle(t.Context(), &message.Message{ID: "7", Queue: "q"}); err != nil {
				got = err.Error()
			}
			if got != tt.want || runs != tt.runs {
				t.Errorf("%q after %d runs, want %q after %d", got, runs, tt.want, tt.runs)
			}
			if (out.Len() > 0) != (tt.log != "") || !strings.Contains(out.String(), tt.log) {
				t.Errorf("logged %q, want %q", &out, tt.log)
			}
		})
	}
}

func TestDedupeSettlesThoughTheContextIsDone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	store := &fake{claim: dedupe.Won}
	err := middleware.Dedupe(store)(handler.Func(func(context.Context, *message.Message) error {
		cancel()
		return errBoom
	})).Handle(ctx, &message.Message{ID: "7"})
	if !errors.Is(err, errBoom) || !store.settledInTime || store.token != "token" || len(store.verbs) != 1 || store.verbs[0] != "release" {
		t.Errorf("%v, %q with token %q, in time: %v, want one release with time to do it", err, store.verbs, store.token, store.settledInTime)
	}
}

func TestDedupeLeaseOutlastsTheHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		short := middleware.WithLease(time.Second)
		for _, tt := range []struct {
			name            string
			opts            []middleware.DedupeOption
			limit, deadline time.Duration
			want            time.Duration
		}{
			{"15 minutes if nothing is known", nil, 0, 0, 15 * time.Minute},
			{"what was said", []middleware.DedupeOption{short}, 0, 0, time.Second},
			{"the queue's timeout and a margin", nil, time.Hour, 0, time.Hour + 10*time.Second},
			{"a short timeout of the queue too", nil, time.Second, 0, 11 * time.Second},
			{"no less than the timeout, whatever was said", []middleware.DedupeOption{short}, time.Hour, 0, time.Hour + 10*time.Second},
			{"more than the timeout if that was said", []middleware.DedupeOption{middleware.WithLease(time.Hour)}, time.Minute, 0, time.Hour},
			{"a queue without a timeout", nil, -1, 0, 15 * time.Minute},
			{"beyond a deadline that is there already", []middleware.DedupeOption{short}, time.Minute, time.Hour, time.Hour + 10*time.Second},
		} {
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if tt.limit != 0 {
				ctx = handler.WithTimeLimit(ctx, tt.limit)
			}
			if tt.deadline > 0 {
				ctx, cancel = context.WithTimeout(ctx, tt.deadline)
			}
			store, runs := &fake{claim: dedupe.Won}, 0
			err := middleware.Dedupe(store, tt.opts...)(returns(&runs, nil)).Handle(ctx, &message.Message{ID: "7"})
			cancel()
			if err != nil || store.lease != tt.want {
				t.Errorf("%s: %v, lease is %v, want %v", tt.name, err, store.lease, tt.want)
			}
		}
	})
}

// TestDedupeThatOutlastsItsLeaseChangesNothingForTheNext: the second worker has claimed
// the message and is at it, when the first one fails or returns.
func TestDedupeThatOutlastsItsLeaseChangesNothingForTheNext(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error // of the first handler
		log  string
	}{
		{"it fails late", errBoom, ""},
		{"it succeeds late", nil, "cannot complete a claim"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				store, m := memory(), &message.Message{ID: "7", Queue: "q"}
				guarded := middleware.Dedupe(store, middleware.WithLease(time.Minute), middleware.WithStoreLog(textLog(&out, slog.LevelDebug)))
				takes := func(d time.Duration, err error) handler.Handler {
					return guarded(handler.Func(func(context.Context, *message.Message) error { time.Sleep(d); return err }))
				}
				first, second := make(chan error, 1), make(chan error, 1)
				go func() { first <- takes(2*time.Minute, tt.err).Handle(t.Context(), m) }()
				time.Sleep(time.Minute + time.Second)
				go func() { second <- takes(59*time.Second+time.Millisecond, nil).Handle(t.Context(), m) }()
				if err := <-first; !errors.Is(err, tt.err) {
					t.Errorf("the first handler's error is %v, want %v", err, tt.err)
				}
				if claim, _, err := store.Claim(t.Context(), "q/7", time.Minute); claim != dedupe.Busy || err != nil {
					t.Errorf("a third claim got %v, %v; want Busy: the second worker has the message", claim, err)
				}
				if err := <-second; err != nil {
					t.Error(err)
				}
				if claim, _, err := store.Claim(t.Context(), "q/7", time.Minute); claim != dedupe.Done || err != nil {
					t.Errorf("afterwards a claim got %v, %v; want Done", claim, err)
				}
				if !strings.Contains(out.String(), tt.log) || (out.Len() > 0) != (tt.log != "") {
					t.Errorf("logged %q, want %q", &out, tt.log)
				}
			})
		})
	}
}

func TestDedupePanicsWithoutAStore(t *testing.T) {
	t.Parallel()
	defer func() {
		if got := recover(); got != "middleware: Dedupe got a nil store" {
			t.Errorf("recovered %v", got)
		}
	}()
	middleware.Dedupe(nil)
}
