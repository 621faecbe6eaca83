package devbroker

import (
	"fmt"
	"math"
	"slices"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// argument describes a queue argument that RabbitMQ supports.
type argument struct {
	name     string
	types    string           // queue types that accept it: classic, quorum or both
	check    func(any) string // returns RabbitMQ's text for an invalid value
	free     bool             // two declarations may differ in it
	versions []string         // versions that support it; empty means all
}

const (
	both   = classic + " " + quorum
	stream = "stream"
)

var knownArguments = []argument{
	{name: "x-expires", types: both, check: integer(1, longest)},
	{name: "x-message-ttl", types: both, check: integer(0, longest)},
	{name: "x-dead-letter-exchange", types: both, check: anything},
	{name: "x-dead-letter-routing-key", types: both, check: longstr},
	{name: "x-dead-letter-strategy", types: quorum, check: oneOf("invalid_dlx_strategy", "at-most-once", "at-least-once")},
	{name: "x-max-length", types: both, check: integer(0, noMaximum)},
	{name: "x-max-length-bytes", types: both, check: integer(0, noMaximum)},
	{name: "x-max-priority", types: classic, check: integer(0, 255)},
	{name: "x-overflow", types: both, check: oneOf("invalid_overflow", dropHead, rejectPublish, rejectPublishDLX)},
	{name: "x-queue-mode", types: classic, check: word("queue mode", "default", "lazy"), versions: []string{"3.10", "4.0"}},
	{name: "x-queue-mode", types: classic, check: anything, versions: []string{"4.3"}},
	{name: "x-queue-version", types: classic, check: word("queue version", "1", "2"), versions: []string{"3.10", "4.0"}, free: true},
	{name: "x-queue-version", types: classic, check: word("queue version", "2"), versions: []string{"4.3"}, free: true},
	{name: "x-single-active-consumer", types: both, check: boolean},
	{name: "x-delivery-limit", types: quorum, check: anything},
	{name: "x-quorum-initial-group-size", types: quorum, check: integer(1, noMaximum)},
	{name: "x-max-in-memory-length", types: quorum, check: integer(0, noMaximum)},
	{name: "x-max-in-memory-bytes", types: quorum, check: integer(0, noMaximum)},
	{name: "x-max-age", types: stream, check: anything},
	{name: "x-stream-max-segment-size-bytes", types: stream, check: anything},
	{name: "x-stream-filter-size-bytes", types: stream, check: anything, versions: []string{"4.3"}},
	{name: "x-initial-cluster-size", types: stream, check: anything},
	{name: "x-queue-master-locator", types: classic, check: anything},
	{name: "x-queue-leader-locator", types: quorum, check: locator, versions: []string{"3.10"}},
	{name: "x-queue-leader-locator", types: both, check: locator, versions: []string{"4.0", "4.3"}},
	{name: "x-delayed-retry-type", types: quorum, check: anything, versions: []string{"4.3"}},
	{name: "x-delayed-retry-min", types: quorum, check: anything, versions: []string{"4.3"}},
	{name: "x-delayed-retry-max", types: quorum, check: anything, versions: []string{"4.3"}},
	{name: "x-consumer-disconnected-timeout", types: quorum, check: integer(0, noMaximum), versions: []string{"4.3"}},
	{name: "x-consumer-timeout", types: quorum, check: integer(0, noMaximum), versions: []string{"4.3"}, free: true},
}

const (
	noMaximum = math.MaxInt64
	longest   = 315360000000 // milliseconds, ten years
)

var locator = oneOf("invalid_queue_locator_arg", "client-local", "balanced", "random", "least-leaders")

func anything(any) string { return "" }

func unacceptable(v any) string { return "{unacceptable_type," + wire.TypeName(v) + "}" }

func integer(low, high int64) func(any) string {
	return func(v any) string {
		n, ok := asInt(v)
		switch {
		case !ok:
			return fmt.Sprintf("\"expected integer, got %s\"", wire.TypeName(v))
		case n < 0:
			return fmt.Sprintf("{value_negative,%d}", n)
		case n < low:
			return fmt.Sprintf("{value_zero,%d}", n)
		case n > high && high == longest:
			return fmt.Sprintf("{value_too_large,%d}", n)
		case n > high:
			return fmt.Sprintf("{max_value_exceeded,%d}", n)
		}
		return ""
	}
}

func longstr(v any) string {
	if _, ok := v.(string); !ok {
		return unacceptable(v)
	}
	return ""
}

func boolean(v any) string {
	if _, ok := v.(bool); !ok {
		return unacceptable(v)
	}
	return ""
}

func oneOf(otherwise string, words ...string) func(any) string {
	return func(v any) string {
		s, ok := v.(string)
		switch {
		case !ok:
			return unacceptable(v)
		case !slices.Contains(words, s):
			return otherwise
		}
		return ""
	}
}

// word returns a check for arguments whose error text is a sentence.
func word(what string, words ...string) func(any) string {
	return func(v any) string {
		if s := fmt.Sprint(v); !slices.Contains(words, s) {
			return fmt.Sprintf("\"unsupported %s '%s'\"", what, s)
		}
		return ""
	}
}

// known returns the arguments that the version supports.
func (g generation) known() []argument {
	return slices.DeleteFunc(slices.Clone(knownArguments), func(a argument) bool {
		return a.versions != nil && !slices.Contains(a.versions, g.release)
	})
}

// compared returns the arguments that must be equal in two declarations of a queue.
func (g generation) compared() []string {
	names := []string{"x-queue-type"}
	for _, a := range g.known() {
		if !a.free {
			names = append(names, a.name)
		}
	}
	return names
}
