package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/dedupe/dedupetest"
	"github.com/warren-mq/warren/dedupe/redisstore"
	"github.com/warren-mq/warren/internal/rabbit"
)

// store returns a store as a process of its own has it.
func (s *server) store() *redisstore.Store {
	s.t.Helper()
	return redisstore.New(s.client(func(*redis.Options) {}), redisstore.Config{Retention: time.Hour})
}

func TestTheStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	one, other := s.store(), s.store()
	dedupetest.Run(t, func(*testing.T) (dedupe.Store, dedupe.Store) { return one, other })
}

func wantClaim(t *testing.T, store dedupe.Store, key string, want dedupe.Claim) dedupe.Token {
	t.Helper()
	got, token, err := store.Claim(t.Context(), key, time.Hour)
	if got != want || err != nil {
		t.Errorf("Claim(%q) returned %v, %v; want %v", key, got, err, want)
	}
	return token
}

func TestKeysEndByThemselves(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := s.client(func(*redis.Options) {})
	store := redisstore.New(client, redisstore.Config{Retention: time.Millisecond, Prefix: "mine:"})
	claim, token, err := store.Claim(t.Context(), "completed", time.Hour)
	if claim != dedupe.Won || err != nil {
		t.Fatalf("Claim returned %v, %v", claim, err)
	}
	ttl, err := client.PTTL(t.Context(), "mine:completed").Result()
	if ttl <= 0 || ttl > time.Hour || err != nil {
		t.Errorf("the claim ends in %v, %v; want its lease", ttl, err)
	}
	if err := store.Complete(t.Context(), "completed", token); err != nil {
		t.Error(err)
	}
	if _, _, err := store.Claim(t.Context(), "leased", time.Nanosecond); err != nil {
		t.Error(err)
	}
	rabbit.Eventually(t, patience, func() bool { return client.Exists(t.Context(), "mine:completed", "mine:leased").Val() == 0 },
		"the lease and the retention end")
	wantClaim(t, store, "completed", dedupe.Won)
	wantClaim(t, store, "leased", dedupe.Won)
}

// deaf is a connection that loses the answer to the next read once lose is set.
type deaf struct {
	net.Conn

	lose *atomic.Bool
}

func (c deaf) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil && c.lose.Swap(false) {
		return 0, errors.Join(io.ErrUnexpectedEOF, c.Close())
	}
	return n, err
}

// TestALostAnswerIsRequestedAgain: the client sends the script again.
func TestALostAnswerIsRequestedAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var lose atomic.Bool
	store := redisstore.New(s.client(func(o *redis.Options) {
		o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return deaf{conn, &lose}, err
		}
	}), redisstore.Config{})
	other := s.store()
	wantClaim(t, store, "warms up", dedupe.Won) // connects, and loads the script
	loses := func() {
		if lose.Swap(true) {
			t.Error("the answer before was not lost")
		}
	}
	loses()
	token := wantClaim(t, store, "key", dedupe.Won)
	wantClaim(t, other, "key", dedupe.Busy)
	loses()
	if err := store.Release(t.Context(), "key", token); err != nil {
		t.Error(err)
	}
	token = wantClaim(t, store, "key", dedupe.Won)
	loses()
	if err := store.Complete(t.Context(), "key", token); err != nil {
		t.Error(err)
	}
	wantClaim(t, other, "key", dedupe.Done)
	if lose.Load() {
		t.Error("the last answer was not lost")
	}
}

// TestAKilledRedisForgetsNothing kills Redis with appendfsync always while 8 workers use it: what was
// acknowledged is there after the restart, and no key is claimed or completed by two.
func TestAKilledRedisForgetsNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	store := s.store()
	var mu sync.Mutex
	want, completed := make(map[string]dedupe.Claim), 0
	note := func(key string, claim dedupe.Claim) {
		mu.Lock()
		defer mu.Unlock()
		want[key] = claim
		if claim == dedupe.Done {
			completed++
		}
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return completed
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				handleOne(ctx, store, fmt.Sprint(w, "/", n), n%2 == 0, note)
			}
		})
	}
	for range 3 {
		at := count() + 50
		rabbit.Eventually(t, patience, func() bool { return count() >= at }, "messages are completed")
		s.kill()
		s.start()
	}
	stop()
	all.Wait()
	t.Logf("%d claims, %d of them completed, 3 kills", len(want), completed)
	for key, claim := range want {
		wantClaim(t, store, key, claim)
	}
}

// handleOne claims a key and completes it, if complete is true. It notes what Redis acknowledged.
// While Redis is killed, it notes no claim, and a mark whose answer was lost may be there or not.
func handleOne(ctx context.Context, store dedupe.Store, key string, complete bool, note func(string, dedupe.Claim)) {
	claim, token, err := store.Claim(ctx, key, time.Hour)
	if err != nil || claim != dedupe.Won {
		return
	}
	if !complete {
		note(key, dedupe.Busy)
	} else if store.Complete(ctx, key, token) == nil {
		note(key, dedupe.Done)
	}
}

// TestWithoutRedisAClaimIsAnErrorInTime: the message is retried.
func TestWithoutRedisAClaimIsAnErrorInTime(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	store := s.store()
	wantClaim(t, store, "key", dedupe.Won)
	s.kill()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if claim, _, err := store.Claim(ctx, "other", time.Hour); err == nil || !strings.HasPrefix(err.Error(), `redisstore: claim "other": `) {
		t.Errorf("Claim returned %v, %v; want an error", claim, err)
	}
	if err := store.Complete(ctx, "key", "token"); err == nil || errors.Is(err, dedupe.ErrClaimLost) {
		t.Errorf("Complete returned %v, want an error of the connection", err)
	}
	if err := store.Release(ctx, "key", "token"); err == nil {
		t.Error("Release returned nil, want an error of the connection")
	}
}

func TestNewRefusesANegativeRetention(t *testing.T) {
	t.Parallel()
	defer func() {
		if got := recover(); got != "redisstore: New got Retention -1ns, want 0 or more" {
			t.Errorf("recovered %v", got)
		}
	}()
	redisstore.New(nil, redisstore.Config{Retention: -1})
}
