package topology

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxShortString is the longest text of a property, in bytes.
const MaxShortString = 255

// CheckName returns an error for a name that RabbitMQ would change (it strips line breaks
// from the names of queues), or that breaks terminals and logs.
func CheckName(kind, name string) error {
	switch {
	case len(name) > MaxShortString:
		return fmt.Errorf("topology: %s %.40q…: the name has %d bytes, want at most %d", kind, name, len(name), MaxShortString)
	case !utf8.ValidString(name):
		return fmt.Errorf("topology: %s %q: the name is not UTF-8", kind, name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("topology: %s %q: the name has a control character", kind, name)
	}
	return nil
}
