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

// Parameters of argon2id: one of the minimum settings of OWASP's password storage cheat
// sheet, with 7 MiB, five passes and one lane.
const (
	memoryKiB = 7 << 10
	passes    = 5
	saltBytes = 16
	keyBytes  = 32
)

// Hasher hashes passwords, at most as many at a time as there are processors: more would
// use memory without being faster. It is safe for concurrent use.
type Hasher struct{ places chan struct{} }

// NewHasher returns a hasher.
func NewHasher() *Hasher { return &Hasher{make(chan struct{}, runtime.GOMAXPROCS(0))} }

// Hash returns the hash of the password, with its salt and parameters, in the usual
// form $argon2id$v=19$m=…. It fails only with the error of ctx.
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

// Matches reports whether hash is a hash of the password. A hash with other parameters is
// an error.
func (h *Hasher) Matches(ctx context.Context, password, hash string) (bool, error) {
	rest, known := strings.CutPrefix(hash, parameters())
	salt64, key64, split := strings.Cut(rest, "$")
	salt, err := base64.RawStdEncoding.DecodeString(salt64)
	if !known || !split || err != nil {
		return false, fmt.Errorf("account: compare a password: invalid hash, want %s followed by salt and key", parameters())
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
