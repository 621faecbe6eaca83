// Package claim is an encoding of package codec that keeps large bodies in a Store, and sends a
// reference to them (the claim check pattern). RabbitMQ is made for small messages: a large
// body is copied to every replica of a quorum queue.
//
// # Who deletes bodies
//
// Several queues may have a copy of a message, and a dead letter may be replayed weeks later,
// so a consumer does not delete the body. Run Sweep of the store, for example once a day, with
// an age that no message reaches, dead letters included.
//
// If a publish fails and no queue can have the message, the publisher deletes the body at once:
// broker.ErrUnroutable, ErrRefused, ErrTooLarge and ErrMalformed. After the other errors
// (broker.ErrNacked, ErrNotConnected, and the error of a context) a queue may have the message,
// and after a crash between Put and the publish it is unknown, too. These bodies stay until
// Sweep deletes them, because the loss of a body would be worse.
package claim

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/message"
)

// Name is the name of the encoding in the property content-encoding.
const Name = "claim-check"

// Store keeps bodies. It must be safe for concurrent use. All publishers and consumers of a
// message must reach the same bodies. Package claimtest tests that a store keeps this contract.
type Store interface {
	// Put stores a body under a key that is used for the first time. When it returns nil, Get
	// of any process returns the body. A key has 26 letters A to Z and digits 2 to 7.
	Put(ctx context.Context, key string, body []byte) error
	// Get returns a body. If there is none, the error wraps ErrNotFound. If the body has more
	// than limit bytes, Get returns an error without reading it.
	Get(ctx context.Context, key string, limit int) ([]byte, error)
	// Delete removes a body. It returns nil if there is none.
	Delete(ctx context.Context, key string) error
}

// ErrNotFound says that a store has no body under a key.
var ErrNotFound = errors.New("claim: the store has no such body")

// Config configures Encoding.
type Config struct {
	// MinBytes is the size of the smallest body that is stored. Zero means 128 KiB. A negative
	// value means that all are.
	MinBytes int
	// MaxBytes is the size of the largest body in the store. Zero means 16 MiB. A publisher does
	// not store a larger body: the publish fails. A consumer dead-letters a message with a larger
	// body.
	MaxBytes int
}

// unsentTimeout bounds the time to delete the body of a message that was not published.
const unsentTimeout = 10 * time.Second

type encoding struct {
	store  Store
	config Config
}

// Encoding returns the encoding that keeps bodies in store. In codec.New it must be the last,
// so that the store has them compressed or sealed.
func Encoding(store Store, c Config) codec.Encoding {
	if store == nil {
		panic("claim: Encoding got a nil store")
	}
	c.MinBytes, c.MaxBytes = cmp.Or(c.MinBytes, 128<<10), cmp.Or(c.MaxBytes, 16<<20)
	return &encoding{store, c}
}

// reference is what is sent instead of a body, as JSON.
type reference struct {
	Key    string `json:"key"`
	Bytes  int    `json:"bytes"`
	SHA256 []byte `json:"sha256"`
}

func (e *encoding) Name() string { return Name }

func (e *encoding) Required() bool { return false }

func (e *encoding) Encode(ctx context.Context, m *message.Message) (body []byte, ok bool, err error) {
	if len(m.Body) < e.config.MinBytes {
		return nil, false, nil
	}
	if len(m.Body) > e.config.MaxBytes {
		return nil, false, fmt.Errorf("claim: store the body of message %q: consumers could not read it (got %d bytes, want at most MaxBytes, which is %d)",
			m.ID, len(m.Body), e.config.MaxBytes)
	}
	sum := sha256.Sum256(m.Body)
	ref := reference{rand.Text(), len(m.Body), sum[:]}
	if err := e.store.Put(ctx, ref.Key, m.Body); err != nil {
		return nil, false, fmt.Errorf("claim: store the body of message %q: %w", m.ID, err)
	}
	body, err = json.Marshal(ref)
	return body, true, err
}

func (e *encoding) Decode(ctx context.Context, m *message.Message) ([]byte, error) {
	ref, err := e.parse(m.Body)
	if err != nil {
		return nil, err
	}
	body, err := e.store.Get(ctx, ref.Key, e.config.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("claim: read the body of message %q: %w: %w", m.ID, codec.ErrUnavailable, err)
	}
	if sum := sha256.Sum256(body); string(sum[:]) != string(ref.SHA256) {
		return nil, fmt.Errorf("claim: read the body of message %q: the stored body %s was changed", m.ID, ref.Key)
	}
	return body, nil
}

// parse checks a reference before its key reaches the store.
func (e *encoding) parse(body []byte) (reference, error) {
	var ref reference
	if len(body) > 1024 {
		return ref, fmt.Errorf("claim: the reference has %d bytes, want at most 1024", len(body))
	}
	if err := json.Unmarshal(body, &ref); err != nil {
		return ref, fmt.Errorf("claim: the reference is malformed: %w", err)
	}
	if !validKey(ref.Key) || len(ref.SHA256) != sha256.Size || ref.Bytes < 0 {
		return ref, errors.New("claim: the reference is malformed, want a key, a size and a SHA-256")
	}
	if ref.Bytes > e.config.MaxBytes {
		return ref, fmt.Errorf("claim: the stored body has %d bytes, want at most %d", ref.Bytes, e.config.MaxBytes)
	}
	return ref, nil
}

// validKey reports whether key has the form of rand.Text. A key is part of a file name.
func validKey(key string) bool {
	return len(key) == 26 && strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// Unsent deletes the body of a message that no queue has received. If the store is not
// available, the body stays until Sweep deletes it.
func (e *encoding) Unsent(ctx context.Context, m *message.Message) {
	names := codec.Names(m)
	if len(names) == 0 || names[len(names)-1] != Name {
		return
	}
	ref, err := e.parse(m.Body)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, unsentTimeout)
	defer cancel()
	_ = e.store.Delete(ctx, ref.Key) // the publish has an error already, and Sweep deletes the body later
}
