package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
)

// keySize is the size of a secret in bytes.
const keySize = 32

// Key is a secret and its name. Printing it shows only the name.
type Key struct {
	ID     string // 1 to 64 characters: letters, digits, and . _ -
	Secret []byte // 32 bytes, random
}

// NewKey returns a key with a random secret.
func NewKey(id string) Key {
	secret := make([]byte, keySize)
	_, _ = rand.Read(secret) // it never returns an error
	return Key{id, secret}
}

// String returns the id.
func (k Key) String() string { return "key " + k.ID }

// Format writes the id for every verb, so that no verb prints the secret.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MarshalText returns the id, so that JSON and logs do not contain the secret.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

func validID(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-") == ""
}

// validate checks the key with a number in a ring.
func (k Key) validate(number int) error {
	if !validID(k.ID) {
		return fmt.Errorf("seal: key %d: the id is not valid (%d bytes), want 1 to 64 letters, digits or . _ -", number, len(k.ID))
	}
	if len(k.Secret) != keySize {
		return fmt.Errorf("seal: key %d: the secret has %d bytes, want %d", number, len(k.Secret), keySize)
	}
	return nil
}

// Ring holds the keys of a program. The first key seals, and every key opens. It is safe for
// concurrent use.
//
// To rotate keys, add the new key at the end of the ring of every consumer, then move it to the
// front at the publishers, and remove the old key once no message and no dead letter is sealed
// with it.
type Ring struct {
	keys atomic.Pointer[[]Key]
}

// NewRing returns a ring with the keys. The error reports every key that is not valid, by its
// number. It has no ids, since a secret may be in the place of an id.
func NewRing(keys ...Key) (*Ring, error) {
	r := new(Ring)
	if err := r.Set(keys...); err != nil {
		return nil, err
	}
	return r, nil
}

// Set replaces the keys while the ring is in use. If a key is not valid, it returns an error
// and the ring stays unchanged.
func (r *Ring) Set(keys ...Key) error {
	var faults []error
	if len(keys) == 0 {
		faults = append(faults, errors.New("seal: the ring has no keys, want 1 or more"))
	}
	kept := make([]Key, 0, len(keys))
	for i, k := range keys {
		faults = append(faults, k.validate(i+1))
		if first := slices.IndexFunc(kept, func(other Key) bool { return other.ID == k.ID }); first >= 0 {
			faults = append(faults, fmt.Errorf("seal: keys %d and %d have the same id, want different ids", first+1, i+1))
		}
		kept = append(kept, Key{k.ID, bytes.Clone(k.Secret)})
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	r.keys.Store(&kept)
	return nil
}

func (r *Ring) first() Key { return (*r.keys.Load())[0] }

func (r *Ring) find(id string) (Key, bool) {
	for _, k := range *r.keys.Load() {
		if k.ID == id {
			return k, true
		}
	}
	return Key{}, false
}

// String returns the ids of the keys.
func (r *Ring) String() string { return fmt.Sprint(*r.keys.Load()) }

// ReadKeys reads keys from a file: see ParseKeys.
func ReadKeys(file string) ([]Key, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("seal: read keys: %w", err)
	}
	keys, err := ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("seal: read keys from %s: %w", file, err)
	}
	return keys, nil
}

// ParseKeys returns the keys in a text that has one key on a line: its id and its secret of 32
// bytes in base64, with space between them. Empty lines and lines that begin with # are
// ignored. The command "openssl rand -base64 32" prints a secret. An error never contains a
// secret.
func ParseKeys(text []byte) (keys []Key, err error) {
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) != 2 {
			return nil, fmt.Errorf("seal: line %d has %d words, want a key id and a secret", number, len(words))
		}
		secret, err := base64.StdEncoding.DecodeString(words[1])
		switch { // no error has a word of the line: the secret may be in front of the id
		case !validID(words[0]):
			return nil, fmt.Errorf("seal: line %d: the first word is not a key id, want 1 to 64 letters, digits or . _ -", number)
		case err != nil:
			return nil, fmt.Errorf("seal: line %d: the secret is not base64", number)
		case len(secret) != keySize:
			return nil, fmt.Errorf("seal: line %d: the secret has %d bytes, want %d", number, len(secret), keySize)
		}
		keys = append(keys, Key{words[0], secret})
	}
	if len(keys) == 0 {
		return nil, errors.New("seal: the text has no keys, want lines with a key id and a secret")
	}
	return keys, nil
}
