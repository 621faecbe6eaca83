package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Argon2id with what OWASP's cheat sheet on password storage names as one of the
// least settings: 7 MiB, five passes, one lane.
const (
	memoryKiB = 7 << 10
	passes    = 5
	saltBytes = 16
	keyBytes  = 32
)

// Hasher hashes passwords, as many at a time as there are processors: more would
// only take memory. It is safe for concurrent use.
type Hasher struct{ places chan struct{} }

// NewHasher returns a hasher.
func NewHasher() *Hasher { return &Hasher{make(chan struct{}, runtime.GOMAXPROCS(0))} }

// Hash returns the hash of the password, with its salt and parameters, in the usual
// form $argon2id$v=19$m=…. The error is that of ctx.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	key, err := h.key(ctx, password, salt)
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding
	return fmt.Sprintf("%s%s$%s", parameters(), enc.EncodeToString(salt), enc.EncodeToString(key)), nil
}

// Matches says whether hash is one of the password, made with the same parameters.
func (h *Hasher) Matches(ctx context.Context, password, hash string) (bool, error) {
	rest, known := strings.CutPrefix(hash, parameters())
	salt64, key64, split := strings.Cut(rest, "$")
	salt, err := base64.RawStdEncoding.DecodeString(salt64)
	if !known || !split || err != nil {
		return false, fmt.Errorf("account: the hash does not begin with %s, and salt and key behind it", parameters())
	}
	key, err := h.key(ctx, password, salt)
	if err != nil {
		return false, err
	}
	got := base64.RawStdEncoding.EncodeToString(key)
	return subtle.ConstantTimeCompare([]byte(got), []byte(key64)) == 1, nil
}

func (h *Hasher) key(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
		return argon2.IDKey([]byte(password), salt, passes, memoryKiB, 1, keyBytes), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func parameters() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$", argon2.Version, memoryKiB, passes)
}
