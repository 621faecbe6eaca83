package amqp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
)

// TestParseConflict reads what RabbitMQ 3.10 to 4.3 say.
func TestParseConflict(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		reason string
		want   string // argument, current and wanted; none if empty
	}{
		{"a number", "inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received '2000' but current is '1000'", "x-message-ttl 1000 2000"},
		{"with types", "inequivalent arg 'x-max-priority' for queue 'q' in vhost '/': received the value '5' of type 'signedint' but current is the value '10' of type 'signedint'", "x-max-priority 10 5"},
		{"nothing where something is wanted", "inequivalent arg 'x-expires' for queue 'q' in vhost '/': received the value '5' of type 'signedint' but current is none", "x-expires none 5"},
		{"something where nothing is wanted", "inequivalent arg 'x-expires' for queue 'q' in vhost '/': received none but current is the value '5' of type 'signedint'", "x-expires 5 none"},
		{"an exchange", "inequivalent arg 'type' for exchange 'x' in vhost '/': received 'fanout' but current is 'topic'", "type topic fanout"},
		{"a name with quotes", "inequivalent arg 'durable' for queue 'it's' in vhost 'a'b': received 'true' but current is 'false'", "durable false true"},
		{"a text that is cut", "inequivalent arg 'x-expires' for queue 'long' in vhost '/': received the value '5' of type 'long...", "x-expires another value as given"},
		{"another refusal", "fast reply consumer does not exist", ""},
		{"no text", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := fmt.Errorf("declare: %w", &amqp091.Error{Code: amqp091.PreconditionFailed, Reason: "PRECONDITION_FAILED - " + tt.reason})
			c := amqp.ParseConflict("queue", "q", err)
			if c == nil {
				if tt.want != "" {
					t.Errorf("no conflict in %q", tt.reason)
				}
				return
			}
			if got := c.Argument + " " + c.Current + " " + c.Wanted; got != tt.want {
				t.Errorf("read %q, want %q", got, tt.want)
			}
			if !errors.Is(c, err) {
				t.Error("the broker's error is lost")
			}
		})
	}
}

// TestParseConflictNeedsTheCode: the text alone is no conflict.
func TestParseConflictNeedsTheCode(t *testing.T) {
	t.Parallel()
	const text = "inequivalent arg 'type' for exchange 'x' in vhost '/': received 'fanout' but current is 'topic'"
	for _, err := range []error{nil, errors.New(text), &amqp091.Error{Code: amqp091.AccessRefused, Reason: text}} {
		if c := amqp.ParseConflict("exchange", "x", err); c != nil {
			t.Errorf("ParseConflict(%v) is %v, want none", err, c)
		}
	}
}

// FuzzParseConflict writes the refusal as RabbitMQ does, and reads it back.
func FuzzParseConflict(f *testing.F) {
	f.Add("x-message-ttl", "q", "/", "2000", "1000")
	f.Add("type", "it's", "in vhost '/': received 'a' but current is 'b'", "fanout", "topic")
	f.Add("", "\n", "", "'", "none")
	f.Fuzz(func(t *testing.T, arg, name, vhost, wanted, current string) {
		reason := fmt.Sprintf("PRECONDITION_FAILED - inequivalent arg '%s' for queue '%s' in vhost '%s': received '%s' but current is '%s'", arg, name, vhost, wanted, current)
		c := amqp.ParseConflict("queue", name, &amqp091.Error{Code: amqp091.PreconditionFailed, Reason: reason})
		if plain := arg != "" && !strings.ContainsAny(arg+name+vhost+wanted+current, "'\n"); !plain {
			return // ambiguous on the wire already; it must not panic
		}
		if c == nil || c.Argument != arg || c.Wanted != wanted || c.Current != current || c.Name != name {
			t.Errorf("read %+v of %q", c, reason)
		}
	})
}
