package job

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// Secret is text that is not shown: fmt, slog, JSON and YAML write it as ****, or as
// nothing if there is none. The text is in the Secret, or in a file that is read each
// time it is used, so that it may be renewed. It is plain data: copy it freely.
type Secret struct {
	text *string // a pointer, since fmt shows unexported fields of unexported fields
	file string
}

// NewSecret returns text as a Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{text: &text}
}

// SecretFile returns the content of a file as a Secret, without the end of its last line.
func SecretFile(path string) Secret { return Secret{file: path} }

// Reveal returns the text. It is an error if the file cannot be read or is empty.
func (s Secret) Reveal() (string, error) {
	switch {
	case s.text != nil:
		return *s.text, nil
	case s.file == "":
		return "", nil
	}
	content, err := os.ReadFile(s.file)
	if err != nil {
		return "", fmt.Errorf("job: secret: %w", err)
	}
	text := strings.TrimRight(string(content), "\r\n")
	if text == "" {
		return "", fmt.Errorf("job: secret: file %s is empty", s.file)
	}
	return text, nil
}

// IsZero says that there is neither a text nor a file.
func (s Secret) IsZero() bool { return s.text == nil && s.file == "" }

// String is ****.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return "****"
}

// Format is String for every verb of fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is String, for structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String, which is what JSON and YAML have of it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the text as it is.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}
