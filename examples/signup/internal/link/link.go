// Package link makes and checks signed tokens for links, which expire.
package link

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// Errors of Signer.Open.
var (
	ErrForged  = errors.New("link: invalid token")
	ErrExpired = errors.New("link: token expired")
)

// Signer makes and checks tokens for links. It is safe for concurrent use.
type Signer struct {
	Secret []byte
	Now    func() time.Time // time.Now if nil
}

// Sign returns a token for the subject that is valid for one purpose and expires at until.
func (s Signer) Sign(purpose, subject string, until time.Time) string {
	payload := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	payload = append(payload, subject...)
	return base64.RawURLEncoding.EncodeToString(append(s.mac(purpose, payload), payload...))
}

// Open returns the subject of a token that Sign made for the purpose. It returns ErrForged or
// ErrExpired. If Secret is empty, Open refuses every token, since anybody could make one.
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
