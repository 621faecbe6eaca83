package job

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// minKey is the shortest length of a signing key, in bytes.
const minKey = 16

// signingKey returns the key in a secret. Its errors do not contain the key.
func signingKey(s Secret) ([]byte, error) {
	text, err := s.Reveal()
	if err != nil {
		return nil, err
	}
	key := []byte(text)
	if encoded, ok := strings.CutPrefix(text, "whsec_"); ok {
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return nil, errors.New("not base64 after whsec_")
		}
	}
	if len(key) < minKey {
		return nil, fmt.Errorf("%d bytes, want %d or more", len(key), minKey)
	}
	return key, nil
}

// sign adds the headers of Standard Webhooks to h.
func (w Webhook) sign(h http.Header, id string, at time.Time, body []byte) error {
	if len(w.SigningKeys) == 0 {
		return nil
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(w.SigningKeys))
	for i, secret := range w.SigningKeys {
		key, err := signingKey(secret)
		if err != nil {
			return fmt.Errorf("signing key: %w", err)
		}
		mac := hmac.New(sha256.New, key)
		_, _ = mac.Write([]byte(id + "." + stamp + ".")) // a hash returns no error
		_, _ = mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", stamp)
	h.Set("Webhook-Signature", strings.Join(signatures, " "))
	return nil
}
