package seal_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

func ring(t *testing.T, keys ...seal.Key) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sealed(t *testing.T, r *seal.Ring, body string) *message.Message {
	t.Helper()
	m := &message.Message{ID: "id-1", Type: "signed_up", ContentType: "text/plain"}
	if err := codec.New(handler.Raw(), seal.Encoding(r)).MarshalMessage(t.Context(), m, []byte(body)); err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t *testing.T, e codec.Encoding, m *message.Message) (string, error) {
	t.Helper()
	opened, _, err := codec.New(handler.Raw(), e).OpenMessage(t.Context(), m)
	if err != nil {
		return "", err
	}
	return string(opened.Body), nil
}

func TestSealedBodiesAreSecretAndComeBack(t *testing.T) {
	t.Parallel()
	r := ring(t, seal.NewKey("2026"))
	for _, body := range []string{"", "secret", strings.Repeat("secret", 10_000)} {
		one, two := sealed(t, r, body), sealed(t, r, body)
		if bytes.Contains(one.Body, []byte("secret")) || bytes.Equal(one.Body, two.Body) {
			t.Errorf("the sealed body is %q, want another one each time", one.Body)
		}
		if got, err := open(t, seal.Encoding(r), one); got != body || err != nil {
			t.Errorf("%d bytes came back, %v; want %d", len(got), err, len(body))
		}
		if id, ok := seal.KeyID(one); id != "2026" || !ok {
			t.Errorf("key id %q, %v", id, ok)
		}
	}
}

// TestASealIsBoundToItsMessage changes each thing that a body is bound to.
func TestASealIsBoundToItsMessage(t *testing.T) {
	t.Parallel()
	r := ring(t, seal.NewKey("2026"), seal.NewKey("2025"))
	for name, change := range map[string]func(m *message.Message){
		"another id":               func(m *message.Message) { m.ID = "id-2" },
		"another type":             func(m *message.Message) { m.Type = "paid" },
		"a part of the id as type": func(m *message.Message) { m.ID, m.Type = "id-1s", "igned_up" },
		"another content type":     func(m *message.Message) { m.ContentType = "application/json" },
		"another inner encoding":   func(m *message.Message) { m.ContentEncoding = "utf-8, sealed" },
		"another key":              func(m *message.Message) { copy(m.Body[2:], "2025") },
		"another salt":             func(m *message.Message) { m.Body[6] ^= 1 },
		"another nonce":            func(m *message.Message) { m.Body[6+16] ^= 1 },
		"another text":             func(m *message.Message) { m.Body[6+16+12] ^= 1 },
		"another tag":              func(m *message.Message) { m.Body[len(m.Body)-1] ^= 1 },
		"another version":          func(m *message.Message) { m.Body[0] = 2 },
		"a body cut short":         func(m *message.Message) { m.Body = m.Body[:40] },
		"no body":                  func(m *message.Message) { m.Body = nil },
		"no seal":                  func(m *message.Message) { m.ContentEncoding = "" },
		"a seal before a charset":  func(m *message.Message) { m.ContentEncoding, m.Body = "sealed, utf-8", []byte("forged") },
	} {
		m := sealed(t, r, "secret")
		change(m)
		got, err := open(t, seal.Encoding(r), m)
		if _, ok := errors.AsType[*handler.DecodeError](err); !ok || got != "" {
			t.Errorf("%s: got %q, %v; want a *DecodeError", name, got, err)
		}
	}
}

// TestKeysRotate: consumers get the new key first, then publishers seal with it.
func TestKeysRotate(t *testing.T) {
	t.Parallel()
	older, newer := seal.NewKey("2025"), seal.NewKey("2026")
	publisher, consumer := ring(t, older), ring(t, older)
	first := sealed(t, publisher, "first")
	if err := publisher.Set(newer, older); err != nil {
		t.Fatal(err)
	}
	second := sealed(t, publisher, "second")
	if id, _ := seal.KeyID(second); id != "2026" {
		t.Errorf("key id %q, want the new key", id)
	}
	_, err := open(t, seal.Encoding(consumer), second)
	if _, permanent := errors.AsType[*handler.DecodeError](err); !errors.Is(err, codec.ErrUnavailable) || permanent ||
		!strings.Contains(err.Error(), `key "2026" is not in the ring`) {
		t.Errorf("without the key: %v, want an error that is retried", err)
	}
	if err := consumer.Set(older, newer); err != nil {
		t.Fatal(err)
	}
	for want, m := range map[string]*message.Message{"first": first, "second": second} {
		if got, err := open(t, seal.Encoding(consumer), m); got != want || err != nil {
			t.Errorf("got %q, %v; want %s", got, err, want)
		}
	}
}

func TestOptionalAcceptsPlainBodies(t *testing.T) {
	t.Parallel()
	r := ring(t, seal.NewKey("2026"))
	if got, err := open(t, seal.Optional(r), &message.Message{Body: []byte("plain")}); got != "plain" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := open(t, seal.Optional(r), sealed(t, r, "secret")); got != "secret" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestTheFormatStays opens a body that an earlier build has sealed.
func TestTheFormatStays(t *testing.T) {
	t.Parallel()
	const body = "AQQyMDI2gnBx/D/ATYBC/eBUujZv7XHjNp1wvLZM00bzZW06neyAycsy3X2fHwODbiftHgaRaLItoaGqFIFr2gYbl57wX2PlP2c6cNoilA=="
	data, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		t.Fatal(err)
	}
	r := ring(t, seal.Key{ID: "2026", Secret: bytes.Repeat([]byte("k"), 32)})
	m := &message.Message{ID: "mail-1", ContentType: "application/json", ContentEncoding: seal.Name, Body: data}
	if got, err := open(t, seal.Encoding(r), m); got != `{"email":"alice@example.com"}` || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	k := seal.Key{ID: "2026", Secret: bytes.Repeat([]byte("s"), 32)}
	encoded, err := json.Marshal(map[string]any{"key": k})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %x %s", k, k, k, &k), fmt.Sprint(ring(t, k)), string(encoded)} {
		if !strings.Contains(text, "2026") || strings.Contains(text, "sss") || strings.Contains(text, "7373") || strings.Contains(text, "115 115") {
			t.Errorf("printed as %s, want only the id", text)
		}
	}
}

func TestKeyIDOfOtherMessages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		encoding, body, id string
		sealed             bool
	}{
		{"", "x", "", false},
		{"gzip", "x", "", false},
		{"sealed", "malformed", "", true},
		{"gzip, sealed, claim-check", "{}", "", true},
		{"sealed", "\x01\x03a\nb" + strings.Repeat("x", 60), "", true},
	} {
		if id, ok := seal.KeyID(&message.Message{ContentEncoding: tt.encoding, Body: []byte(tt.body)}); id != tt.id || ok != tt.sealed {
			t.Errorf("%q: %q, %v; want %q, %v", tt.encoding, id, ok, tt.id, tt.sealed)
		}
	}
}

func TestReadKeys(t *testing.T) {
	t.Parallel()
	secret := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("s"), 32))
	hexed := strings.Repeat("73", 32)
	for _, tt := range []struct{ name, text, want string }{
		{"two keys", "# keys\n2026 " + secret + "\n\n  2025\t" + secret + "\n", ""},
		{"no key", "# none\n", "has no keys"},
		{"a secret without its id", secret, "line 1 has 1 words"},
		{"a bad secret", "2026 !" + secret, "line 1: the secret is not base64"},
		{"a short secret", "2026 c3M=", "line 1: the secret has 2 bytes, want 32"},
		{"a bad id", "a/b " + secret, "line 1: the first word is not a key id"},
		{"a secret before its id", "# keys\n" + secret + " 2026", "line 2: the first word is not a key id"},
		{"a secret in hex before its id", hexed + " 2026", "line 1: the secret has 3 bytes, want 32"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "keys")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			keys, err := seal.ReadKeys(file)
			if tt.want == "" && (err != nil || len(keys) != 2 || keys[0].ID != "2026" || keys[1].ID != "2025") {
				t.Errorf("got %v, %v", keys, err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), hexed)) {
				t.Errorf("got %v, want %q without the secret", err, tt.want)
			}
		})
	}
	if _, err := seal.ReadKeys(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that the file does not exist", err)
	}
}

func TestARingWantsValidKeys(t *testing.T) {
	t.Parallel()
	misplaced := strings.Repeat("SecretInPlaceOfTheID+", 4)
	_, err := seal.NewRing(seal.NewKey(misplaced), seal.Key{ID: "a"}, seal.NewKey("b"), seal.NewKey("b"))
	for _, want := range []string{"key 1: the id is not valid (84 bytes)", "key 2: the secret has 0 bytes", "keys 3 and 4 have the same id"} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "SecretInPlace") {
			t.Errorf("got %v, want %q, and no id", err, want)
		}
	}
	r := ring(t, seal.NewKey("a"))
	if err := r.Set(); err == nil || r.String() != "[key a]" {
		t.Errorf("Set without keys: %v, the ring is %v", err, r)
	}
}

func FuzzOpen(f *testing.F) {
	r, err := seal.NewRing(seal.NewKey("2026"))
	if err != nil {
		f.Fatal(err)
	}
	c := codec.New(handler.Raw(), seal.Encoding(r))
	m := &message.Message{ID: "1"}
	if err := c.MarshalMessage(f.Context(), m, []byte("secret")); err != nil {
		f.Fatal(err)
	}
	f.Add(m.Body)
	f.Add([]byte("\x01\x042026"))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = seal.KeyID(&message.Message{ContentEncoding: "sealed", Body: body})
		if _, _, err := c.OpenMessage(t.Context(), &message.Message{ID: "1", ContentEncoding: "sealed", Body: body}); err == nil && !bytes.Equal(body, m.Body) {
			t.Fatalf("%x was opened", body)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte("2026 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n# end"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := seal.ParseKeys(text)
		if err == nil && len(keys) == 0 {
			t.Fatal("no keys and no error")
		}
	})
}
