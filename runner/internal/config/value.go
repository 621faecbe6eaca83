package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Text is text that may get a secret from a variable, such as a command's argument. If it
// contains a variable, it is shown as it is written in the file.
type Text string

// Env is a Text of the form NAME=value, or NAME. The value is not shown.
type Env string

// URL is a Text of which only the scheme and host are shown.
type URL string

// Duration is a duration above zero, written with units, such as 30s or 1h30m.
type Duration time.Duration

// UnmarshalText reads a duration above zero, in the format of time.ParseDuration.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := parseDuration(string(text))
	*d = Duration(v)
	return err
}

// MarshalText returns the text that UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String returns the shortest form, such as 1m30s or 1h.
func (d Duration) String() string { return shorten(time.Duration(d)) }

// Limit is a Duration or none. None is -1, as in the packages that use it.
type Limit time.Duration

const none = "none"

// UnmarshalText reads a Duration or none.
func (l *Limit) UnmarshalText(text []byte) error {
	if string(text) == none {
		*l = -1
		return nil
	}
	return (*Duration)(l).UnmarshalText(text)
}

// MarshalText returns the text that UnmarshalText reads.
func (l Limit) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// String returns the Duration, or none.
func (l Limit) String() string {
	if l < 0 {
		return none
	}
	return Duration(l).String()
}

// Size is a number of bytes above zero, such as 64KiB.
type Size int

// UnmarshalText reads a whole number followed by B, KiB, MiB or GiB.
func (s *Size) UnmarshalText(text []byte) error {
	v, err := parseSize(string(text))
	*s = Size(v)
	return err
}

// MarshalText returns the text that UnmarshalText reads.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String returns the size in the largest unit that gives a whole number.
func (s Size) String() string {
	for _, u := range units {
		if n := int(s) / u.bytes; n > 0 && n*u.bytes == int(s) {
			return strconv.Itoa(n) + u.name
		}
	}
	return strconv.Itoa(int(s)) + "B"
}

var units = []struct {
	name  string
	bytes int
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

var errDuration = errors.New(`want a duration of more than zero such as "30s", "1m30s" or "1h"`)

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, errDuration
	}
	return d, nil
}

func shorten(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

var errSize = errors.New(`want a size of more than zero such as "64KiB", "16MiB" or "512B"`)

func parseSize(text string) (int, error) {
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 32)
		switch {
		case err != nil || n == 0:
			return 0, errSize
		case int(n) > maxSize/u.bytes:
			return 0, fmt.Errorf("want at most %s", Size(maxSize))
		}
		return int(n) * u.bytes, nil
	}
	return 0, errSize
}

// maxSize is the largest int on a machine of 32 bits, rounded down to whole GiB.
const maxSize = math.MaxInt32 &^ (1<<30 - 1)
