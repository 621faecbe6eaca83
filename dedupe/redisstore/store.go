package redisstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/warren-mq/warren/dedupe"
)

// Config configures a Store.
type Config struct {
	// Retention is how long the store remembers the key of a handled message. Zero means 24 h.
	// Make it longer than a message may wait in a queue, a retry or a dead-letter queue. A key
	// takes about 150 bytes of Redis's memory.
	Retention time.Duration
	// Prefix begins the names of the keys in Redis. Empty means "warren:dedupe:".
	Prefix string
}

// Store is a dedupe.Store in Redis, tested with Redis 7.0. All processes with the same server and
// prefix share it. It is safe for concurrent use.
type Store struct {
	client                   redis.Scripter
	config                   Config
	claim, complete, release *redis.Script
}

var _ dedupe.Store = (*Store)(nil)

// New returns a store in the Redis of client, such as a *redis.Client or a *redis.ClusterClient.
// The caller closes client. Set its ContextTimeoutEnabled, so that a handler's deadline also
// bounds the calls to Redis. New panics if cfg.Retention is less than 0.
func New(client redis.Scripter, cfg Config) *Store {
	if cfg.Retention < 0 {
		panic(fmt.Sprintf("redisstore: New got Retention %v, want 0 or more", cfg.Retention))
	}
	cfg.Retention = cmp.Or(cfg.Retention, 24*time.Hour)
	cfg.Prefix = cmp.Or(cfg.Prefix, "warren:dedupe:")
	return &Store{
		client: client, config: cfg,
		claim: redis.NewScript(claimScript), complete: redis.NewScript(completeScript), release: redis.NewScript(releaseScript),
	}
}

// The value of a key is the token of the claim that holds it, until the lease ends, or 'done', which
// is shorter than every token. Redis runs a script as one step. The client repeats a script whose answer was lost, so each
// script returns the same answer if it runs twice with one token.
const (
	claimScript = `local held = redis.call('GET', KEYS[1])
if held == 'done' then return 3 end
if held and held ~= ARGV[1] then return 2 end
if not held and tonumber(ARGV[2]) > 0 then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1`

	completeScript = `local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] and held ~= 'done' then return 0 end
redis.call('SET', KEYS[1], 'done', 'PX', ARGV[2])
return 1`

	releaseScript = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`
)

// Claim claims key in one step. Redis's clock measures the lease.
func (s *Store) Claim(ctx context.Context, key string, lease time.Duration) (dedupe.Claim, dedupe.Token, error) {
	token := rand.Text()
	answer, err := s.run(ctx, s.claim, key, token, millis(lease))
	if err != nil {
		return 0, "", fmt.Errorf("redisstore: claim %q: %w", key, err)
	}
	if claim := dedupe.Claim(answer); claim != dedupe.Won {
		return claim, "", nil
	}
	return dedupe.Won, dedupe.Token(token), nil
}

// Complete marks key as handled for Config.Retention, unless another claim holds it.
func (s *Store) Complete(ctx context.Context, key string, token dedupe.Token) error {
	answer, err := s.run(ctx, s.complete, key, string(token), millis(s.config.Retention))
	if err != nil {
		return fmt.Errorf("redisstore: complete %q: %w", key, err)
	}
	if answer == 0 {
		return dedupe.ErrClaimLost
	}
	return nil
}

// Release ends the claim that token identifies.
func (s *Store) Release(ctx context.Context, key string, token dedupe.Token) error {
	if _, err := s.run(ctx, s.release, key, string(token)); err != nil {
		return fmt.Errorf("redisstore: release %q: %w", key, err)
	}
	return nil
}

func (s *Store) run(ctx context.Context, script *redis.Script, key string, args ...any) (int, error) {
	return script.Run(ctx, s.client, []string{s.config.Prefix + key}, args...).Int()
}

// millis returns d in milliseconds, rounded up, since Redis refuses a time of 0.
func millis(d time.Duration) int64 { return (d + time.Millisecond - 1).Milliseconds() }
