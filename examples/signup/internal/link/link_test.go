package link_test

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/link"
)

func TestATokenIsGoodForItsPurposeUntilItExpires(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	at := func(d time.Duration) link.Signer {
		return link.Signer{Secret: []byte("secret"), Now: func() time.Time { return now.Add(d) }}
	}
	token := at(0).Sign("verify", "alice", now.Add(time.Hour))
	other := link.Signer{Secret: []byte("other")}.Sign("verify", "alice", now.Add(time.Hour))
	for name, tt := range map[string]struct {
		signer         link.Signer
		purpose, token string
		want           error
	}{
		"in time":               {at(time.Hour - time.Second), "verify", token, nil},
		"too late":              {at(time.Hour), "verify", token, link.ErrExpired},
		"for something else":    {at(0), "reset", token, link.ErrForged},
		"by somebody else":      {at(0), "verify", other, link.ErrForged},
		"cut short":             {at(0), "verify", token[:20], link.ErrForged},
		"nothing":               {at(0), "verify", "", link.ErrForged},
		"no base64":             {at(0), "verify", "§" + token, link.ErrForged},
		"with the secret empty": {link.Signer{}, "verify", token, link.ErrForged},
		"by anybody":            {link.Signer{}, "verify", link.Signer{}.Sign("verify", "alice", time.Now().Add(time.Hour)), link.ErrForged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			subject, err := tt.signer.Open(tt.purpose, tt.token)
			if !errors.Is(err, tt.want) || (err == nil) != (subject == "alice") {
				t.Errorf("got %q, %v; want %v", subject, err, tt.want)
			}
		})
	}
}

func FuzzNoChangedTokenIsTaken(f *testing.F) {
	s := link.Signer{Secret: []byte("secret")}
	good := s.Sign("verify", "alice", time.Now().Add(time.Hour))
	f.Add(good)
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, token string) {
		raw, _ := base64.RawURLEncoding.DecodeString(token)
		same, _ := base64.RawURLEncoding.DecodeString(good)
		if subject, err := s.Open("verify", token); err == nil && string(raw) != string(same) {
			t.Errorf("Open accepts %q, for %q", token, subject)
		}
	})
}
