package job

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// Secret is text that must not be shown. Fmt, slog, JSON and YAML write it as ****, or as
// an empty text if it is empty. The text is in the Secret itself, or in a file. The file
// is read at each use, so it can be replaced at any time. A Secret can be copied.
type Secret struct {
	text *string // a pointer, because fmt prints the text of unexported fields of structs
	file string
}

// NewSecret returns text as a Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{text: &text}
}

// SecretFile returns the content of a file as a Secret, without the newlines at its end.
func SecretFile(path string) Secret { return Secret{file: path} }

// Reveal returns the text. It returns an error if the file cannot be read or is empty.
func (s Secret) Reveal() (string, error) {
	switch {
	case s.text != nil:
		return *s.text, nil
	case s.file == "":
		return "", nil
	}
	content, err := os.ReadFile(s.file)
	if err != nil {
		return "", fmt.Errorf("job: read a secret: %w", err)
	}
	text := strings.TrimRight(string(content), "\r\n")
	if text == "" {
		return "", fmt.Errorf("job: read a secret: file %s is empty", s.file)
	}
	return text, nil
}

// IsZero reports whether the Secret has neither a text nor a file.
func (s Secret) IsZero() bool { return s.text == nil && s.file == "" }

// String returns ****, or an empty text if the Secret is empty.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return "****"
}

// Format writes String for every verb of fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue returns String, for structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns String. JSON and YAML use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText sets the text, without changing it.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}
