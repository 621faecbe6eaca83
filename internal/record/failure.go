package record

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// Limits of the failure record, in bytes. The whole record is smaller than 32 KiB.
const (
	MaxErrorText = 2 << 10
	MaxStack     = 8 << 10
	MaxShortText = 255
)

// Failure describes an attempt that failed or was snoozed.
type Failure struct {
	Queue   string // the work queue
	Message *message.Message
	Reason  string // empty for a snooze
	Err     error
	Stack   []byte // of a panic
	Retry   bool   // the copy is for another attempt
	Handler string
	Span    trace.SpanContext // of the attempt
	At      time.Time
}

// Headers returns the failure record for the copy of the message. A snooze does not count
// as a failure: the copy then keeps the record that the message already had.
func (f Failure) Headers() message.Headers {
	m := f.Message
	h := message.Headers{
		HeaderQueue:      f.Queue,
		HeaderExchange:   m.Exchange,
		HeaderRoutingKey: m.RoutingKey,
		HeaderRetryCount: int64(m.Attempt - 1),
	}
	if f.Reason == "" {
		return carryOn(m, f.Queue, h)
	}
	if f.Retry {
		h[HeaderRetryCount] = int64(m.Attempt)
	}
	at := f.At.UTC().Format(time.RFC3339Nano)
	h[HeaderAttempt] = int64(m.Attempt)
	h[HeaderFirstFailedAt] = at
	if first, err := m.Headers.Time(HeaderFirstFailedAt); err == nil && !first.IsZero() && continues(m, f.Queue) {
		h[HeaderFirstFailedAt] = first.UTC().Format(time.RFC3339Nano)
	}
	h[HeaderLastFailedAt] = at
	f.describe(h, at)
	dropEmpty(h)
	return h
}

// describe adds the error of the attempt and where it happened.
func (f Failure) describe(h message.Headers, at string) {
	h[HeaderReason] = f.Reason
	h[HeaderError] = Clip(f.Err.Error(), MaxErrorText)
	h[HeaderErrorType] = Clip(telemetry.ErrorType(f.Err), MaxShortText)
	h[HeaderFingerprint] = Fingerprint(f.Queue, f.Err)
	h[HeaderStack] = Clip(string(f.Stack), MaxStack)
	h[HeaderHandler] = Clip(f.Handler, MaxShortText)
	h[HeaderHost] = host()
	h[HeaderVersion] = Version()
	h[HeaderHistory] = history(f.Message, f.Queue, entry{
		Attempt: f.Message.Attempt, At: at, Reason: f.Reason, Error: Clip(f.Err.Error(), MaxShortText), Host: host(),
	})
	if f.Span.IsValid() {
		h[HeaderTrace] = traceparent(f.Span)
	}
}

// dropEmpty removes the parts of the record that this failure has no value for. An empty
// exchange or routing key is a value.
func dropEmpty(h message.Headers) {
	for _, name := range []string{HeaderStack, HeaderHandler, HeaderHistory, HeaderError, HeaderErrorType} {
		if h[name] == "" {
			delete(h, name)
		}
	}
}

// continues reports whether m carries the record of its own series of attempts on the
// queue. A message in its first attempt begins a new series, even if it carries a record.
func continues(m *message.Message, queue string) bool {
	return m.Attempt > 1 && m.Headers.String(HeaderQueue) == queue
}

// carryOn adds to h the record that m arrived with, if the record is from this queue.
func carryOn(m *message.Message, queue string, h message.Headers) message.Headers {
	if m.Headers.String(HeaderQueue) != queue {
		return h
	}
	for name, value := range m.Headers {
		if _, set := h[name]; !set && IsRecord(name) {
			h[name] = value
		}
	}
	return h
}

// Slim removes the largest parts of the record, for messages whose own headers leave too
// little room for them in a frame. It returns false if they were removed before.
func Slim(h message.Headers) bool {
	before := len(h)
	for _, name := range []string{HeaderStack, HeaderHistory, HeaderError} {
		delete(h, name)
	}
	return len(h) < before
}

// Clip shortens s to at most n bytes, at the end of a character, and replaces invalid
// UTF-8.
func Clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	const mark = "…"
	n -= len(mark)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + mark
}

func host() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return Clip(name, MaxShortText)
}

// Fingerprint returns the same value for failures of one kind: the same queue, the same
// type of error, and the same text except for numbers, ids and quoted parts.
func Fingerprint(queue string, err error) string {
	text := Clip(err.Error(), MaxErrorText)
	sum := sha256.Sum256([]byte(queue + "\x00" + telemetry.ErrorType(err) + "\x00" + variable.ReplaceAllString(text, "?")))
	return hex.EncodeToString(sum[:8])
}

// variable matches the parts of a text that may differ: quoted text, UUIDs, long
// hexadecimal words, numbers.
var variable = regexp.MustCompile(`"[^"]*"|'[^']*'|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|0x[0-9a-fA-F]+|\b[0-9a-fA-F]{16,}\b|[0-9]+`)

// traceparent returns sc in the form of W3C Trace Context, version 00.
func traceparent(sc trace.SpanContext) string {
	return "00-" + sc.TraceID().String() + "-" + sc.SpanID().String() + "-" + sc.TraceFlags().String()
}

// Version returns the version of Warren in this program, as the build recorded it. It
// returns "(devel)" if Warren is built from its own source tree.
func Version() string { return version() }

// version is read once, because it is part of every failure record.
var version = sync.OnceValue(func() string {
	const path = "github.com/warren-mq/warren"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == path {
				return dep.Version
			}
		}
	}
	return "(devel)"
})
