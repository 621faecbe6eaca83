package wiring

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
)

// keysInterval is how often the keys are read, at most.
const keysInterval = time.Second

// sealed is an encoding whose keys are read again, because their file may change.
type sealed struct {
	codec.Encoding

	ring   *seal.Ring
	secret config.Secret
	log    *slog.Logger

	mu   sync.Mutex
	text string    // that ring was made of, or that was found wrong
	read time.Time // when text was read
}

func newSealed(c config.Seal, name string, log *slog.Logger) (*sealed, error) {
	s := &sealed{secret: c.Keys, log: log.With("codec", name), ring: new(seal.Ring)}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("seal.keys: %w", err)
	}
	s.Encoding = seal.Encoding(s.ring)
	if c.Optional {
		s.Encoding = seal.Optional(s.ring)
	}
	return s, nil
}

// load sets the keys, if their text has changed.
func (s *sealed) load() error {
	text, err := s.secret.Reveal()
	if s.read = time.Now(); err != nil || text == s.text {
		return err
	}
	s.text = text
	keys, err := seal.ParseKeys([]byte(text))
	if err != nil {
		return err
	}
	return s.ring.Set(keys...)
}

// refresh reads the keys, unless they were read within keysInterval. After an error the ring
// keeps its keys.
func (s *sealed) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.read) < keysInterval {
		return
	}
	before := s.text
	if err := s.load(); err != nil {
		s.log.Error("runner: keys not read, keeping the old ones", "error", err)
	} else if s.text != before {
		s.log.Info("runner: keys changed", "keys", s.ring)
	}
}

func (s *sealed) Encode(ctx context.Context, m *message.Message) ([]byte, bool, error) {
	s.refresh()
	return s.Encoding.Encode(ctx, m)
}

func (s *sealed) Decode(ctx context.Context, m *message.Message) ([]byte, error) {
	s.refresh()
	return s.Encoding.Decode(ctx, m)
}

// Ring returns the keys in a secret. It returns nil if the secret is empty.
func Ring(secret config.Secret) (*seal.Ring, error) {
	text, err := secret.Reveal()
	if err != nil || text == "" {
		return nil, err
	}
	keys, err := seal.ParseKeys([]byte(text))
	if err != nil {
		return nil, err
	}
	return seal.NewRing(keys...)
}
