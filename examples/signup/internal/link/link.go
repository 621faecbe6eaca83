// Package link makes links that only we can have made, and that expire.
package link

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// Conditions a caller may ask for.
var (
	ErrForged  = errors.New("link: not one of ours")
	ErrExpired = errors.New("link: expired")
)

// Signer makes and reads tokens for links. It is safe for concurrent use.
type Signer struct {
	Secret []byte
	Now    func() time.Time // time.Now if nil
}

// Sign returns a token for the subject that is good for one purpose, until then.
func (s Signer) Sign(purpose, subject string, until time.Time) string {
	payload := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	payload = append(payload, subject...)
	return base64.RawURLEncoding.EncodeToString(append(s.mac(purpose, payload), payload...))
}

// Open returns the subject of a token that Sign made for the purpose. The error is
// ErrForged or ErrExpired. Without a secret anybody can make tokens: none is taken.
func (s Signer) Open(purpose, token string) (subject string, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < sha256.Size+8 || len(s.Secret) == 0 {
		return "", ErrForged
	}
	mac, payload := raw[:sha256.Size], raw[sha256.Size:]
	if !hmac.Equal(mac, s.mac(purpose, payload)) {
		return "", ErrForged
	}
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	if now().Unix() >= int64(binary.BigEndian.Uint64(payload)) {
		return "", ErrExpired
	}
	return string(payload[8:]), nil
}

func (s Signer) mac(purpose string, payload []byte) []byte {
	h := hmac.New(sha256.New, s.Secret)
	h.Write([]byte(purpose + "\x00"))
	h.Write(payload)
	return h.Sum(nil)
}
