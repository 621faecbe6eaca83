package worker

import (
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/telemetry"
)

// Limits of the failure record, in bytes; all of it stays under 32 KiB.
const (
	maxErrorText = 2 << 10
	maxStack     = 8 << 10
	maxShortText = 255
)

// record is what a copy carries of how its message failed. A snooze is no
// failure: it carries on what the message already had.
func record(queue string, a *attempt, out Outcome, now time.Time) message.Headers {
	m := &a.Message
	h := message.Headers{
		message.HeaderQueue:      queue,
		message.HeaderExchange:   m.Exchange,
		message.HeaderRoutingKey: m.RoutingKey,
		message.HeaderRetryCount: int64(m.Attempt - 1),
	}
	if out.Reason == "" {
		return carryOn(m, queue, h)
	}
	if out.Verdict == Retry {
		h[message.HeaderRetryCount] = int64(m.Attempt)
	}
	at := now.UTC().Format(time.RFC3339Nano)
	h[message.HeaderAttempt] = int64(m.Attempt)
	h[message.HeaderFirstFailedAt] = at
	if first, err := m.Headers.Time(message.HeaderFirstFailedAt); err == nil && !first.IsZero() && continues(m, queue) {
		h[message.HeaderFirstFailedAt] = first.UTC().Format(time.RFC3339Nano)
	}
	h[message.HeaderLastFailedAt] = at
	h[message.HeaderReason] = out.Reason
	h[message.HeaderError] = clip(out.Err.Error(), maxErrorText)
	h[message.HeaderErrorType] = clip(telemetry.ErrorType(out.Err), maxShortText)
	h[message.HeaderFingerprint] = fingerprint(queue, out.Err)
	h[message.HeaderStack] = stack(out.Err)
	h[message.HeaderHandler] = clip(a.handler, maxShortText)
	h[message.HeaderHost] = host()
	h[message.HeaderVersion] = broker.Version()
	h[message.HeaderHistory] = history(m, queue, entry{
		Attempt: m.Attempt, At: at, Reason: out.Reason, Error: clip(out.Err.Error(), maxShortText), Host: host(),
	})
	if a.span.IsValid() {
		h[message.HeaderTrace] = traceparent(a.span)
	}
	dropEmpty(h)
	return h
}

// dropEmpty removes the parts of the record that this failure has no value for. An empty
// exchange or routing key is a value.
func dropEmpty(h message.Headers) {
	for _, name := range []string{message.HeaderStack, message.HeaderHandler, message.HeaderHistory, message.HeaderError, message.HeaderErrorType} {
		if h[name] == "" {
			delete(h, name)
		}
	}
}

// continues reports whether m carries the record of its own series of attempts on the
// queue. A message in its first attempt begins one, whatever it carries.
func continues(m *message.Message, queue string) bool {
	return m.Attempt > 1 && m.Headers.String(message.HeaderQueue) == queue
}

// carryOn adds to h the record that m came with, if it is this queue's.
func carryOn(m *message.Message, queue string, h message.Headers) message.Headers {
	if m.Headers.String(message.HeaderQueue) != queue {
		return h
	}
	for name, value := range m.Headers {
		if _, set := h[name]; !set && broker.IsRecord(name) {
			h[name] = value
		}
	}
	return h
}

// slim drops the largest parts of the record, where a message's own headers leave
// no room for them in a frame. It returns false if that was done before.
func slim(h message.Headers) bool {
	before := len(h)
	for _, name := range []string{message.HeaderStack, message.HeaderHistory, message.HeaderError} {
		delete(h, name)
	}
	return len(h) < before
}

// clip shortens s to n bytes at most, at a character's edge, and makes it text.
func clip(s string, n int) string {
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
	return clip(name, maxShortText)
}
