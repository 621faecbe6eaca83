package job_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/warren-mq/warren/job"
)

func TestSecretIsNotShown(t *testing.T) {
	t.Parallel()
	const hidden = "hunter2"
	secret := job.NewSecret(hidden)
	around := struct {
		Shown job.Secret
		inner struct{ secret job.Secret }
	}{Shown: secret}
	around.inner.secret = secret
	w := job.Webhook{URL: "https://example.com/" + hidden, Headers: []job.Header{{Name: "X-Token", Value: secret}}, SigningKeys: []job.Secret{secret}}
	var text bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{secret, &secret, around, []job.Secret{secret}, w, w.Headers} {
			fmt.Fprintf(&text, verb+"\n", v)
		}
	}
	for _, l := range []*slog.Logger{slog.New(slog.NewTextHandler(&text, nil)), slog.New(slog.NewJSONHandler(&text, nil))} {
		l.Info("line", "secret", secret, "around", around, "webhook", w, "headers", w.Headers)
	}
	if err := json.NewEncoder(&text).Encode([]any{secret, around, w.Headers}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), hidden) || strings.Contains(text.String(), fmt.Sprintf("%x", hidden)) {
		t.Errorf("%s has the secret in it", text.String())
	}
	if got := fmt.Sprint(secret, job.SecretFile("/run/x"), job.Secret{}); got != "**** **** " {
		t.Errorf("got %q, want stars, and nothing for nothing", got)
	}
}

func TestSecretIsRevealed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(" two\nlines\r\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var decoded job.Secret
	if err := json.Unmarshal([]byte(`"text\n"`), &decoded); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		secret     job.Secret
		want, fail string
	}{
		"text":                                {job.NewSecret("text"), "text", ""},
		"text from JSON, as it is":            {decoded, "text\n", ""},
		"a file, without the end of its line": {job.SecretFile(file), " two\nlines", ""},
		"nothing":                             {job.Secret{}, "", ""},
		"nothing, from text":                  {job.NewSecret(""), "", ""},
		"a file that is not there":            {job.SecretFile("/none"), "", "job: read a secret: open /none: no such file or directory"},
	}
	for name, tt := range tests {
		if got, err := tt.secret.Reveal(); got != tt.want || text(err) != tt.fail {
			t.Errorf("%s: got %q, %v, want %q, %q", name, got, err, tt.want, tt.fail)
		}
	}
}
