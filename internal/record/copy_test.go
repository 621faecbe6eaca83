package record_test

import (
	"maps"
	"reflect"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// TestCopyHeaders says what of the headers a framework's copy keeps.
func TestCopyHeaders(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		have message.Headers
		more message.Headers
		want message.Headers
	}{
		{"none stay none", nil, nil, message.Headers{}},
		{"the user's own stay", message.Headers{"tenant": "a", "x-trace": int64(1)}, nil, message.Headers{"tenant": "a", "x-trace": int64(1)}},
		{"every AMQP type stays as it came", oddHeaders(), nil, oddHeaders()},
		{"x-death goes: RabbitMQ 3 would drop the copy as a cycle", message.Headers{"x-death": []any{amqp.Table{"count": int64(1)}}}, nil, message.Headers{}},
		{
			"the broker's other notes go",
			message.Headers{
				"x-first-death-exchange": "a", "x-first-death-queue": "b", "x-first-death-reason": "c",
				"x-last-death-exchange": "a", "x-last-death-queue": "b", "x-last-death-reason": "c",
				"x-delivery-count": int64(3), "x-acquired-count": int64(4),
			},
			nil,
			message.Headers{},
		},
		{
			"an earlier record goes, but not what was done by hand",
			message.Headers{record.HeaderError: "no", record.HeaderReplayedAt: "then", record.HeaderReplayedBy: "me", record.HeaderEditedFrom: "m"},
			nil,
			message.Headers{record.HeaderReplayedAt: "then", record.HeaderReplayedBy: "me", record.HeaderEditedFrom: "m"},
		},
		{"CC and BCC go: they route", message.Headers{"CC": []any{"a"}, "BCC": []any{"b"}, "cc": "kept"}, nil, message.Headers{"cc": "kept"}},
		{"more is added", message.Headers{"tenant": "a"}, message.Headers{"warren-reason": "error"}, message.Headers{"tenant": "a", "warren-reason": "error"}},
		{"more wins", message.Headers{"warren-reason": "old"}, message.Headers{"warren-reason": "new"}, message.Headers{"warren-reason": "new"}},
		{"more may set what is dropped otherwise", nil, message.Headers{"BCC": []any{"b"}}, message.Headers{"BCC": []any{"b"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &message.Message{Headers: tt.have}
			before := len(tt.have)
			c := record.Copy(m, tt.more)
			if !reflect.DeepEqual(c.Headers, tt.want) {
				t.Errorf("headers %v, want %v", c.Headers, tt.want)
			}
			c.Headers["later"] = true
			if len(m.Headers) != before {
				t.Errorf("the message's own headers are now %v", m.Headers)
			}
		})
	}
}

func oddHeaders() message.Headers {
	return message.Headers{
		"nothing": nil, "yes": true, "bytes": []byte{0, 255}, "float": 1.5, "small": int8(-1), "decimal": amqp.Decimal{Scale: 2, Value: 7},
		"at": time.Unix(1, 0), "list": []any{"a", int32(2)}, "table": amqp.Table{"deep": amqp.Table{"er": uint16(9)}},
	}
}

// TestCopyKeepsTheMessage holds every field against the copy's.
func TestCopyKeepsTheMessage(t *testing.T) {
	t.Parallel()
	m := &message.Message{
		ID: "id", Body: []byte{0, 1, 255}, ContentType: "application/json", ContentEncoding: "gzip", Type: "signed-up",
		CorrelationID: "corr", ReplyTo: "reply", Expiration: "5000", UserID: "guest", AppID: "app",
		Timestamp: time.Unix(1_700_000_000, 0), Priority: 7, Transient: true,
		Exchange: "events", RoutingKey: "user.signed_up", Queue: "email", Attempt: 3, Redelivered: true, DeliveryCount: 2,
	}
	want := *m
	want.Expiration, want.UserID, want.Transient = "", "", false
	want.Headers = message.Headers{record.HeaderExpiration: "5000", record.HeaderUserID: "guest"}
	original := *m
	got := record.Copy(m, nil)
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("the copy is\n%+v, want\n%+v", *got, want)
	}
	if !reflect.DeepEqual(*m, original) {
		t.Errorf("the message has become\n%+v, was\n%+v", *m, original)
	}
}

// TestMoveKeepsWhatThePartitionNeeds: the record of the queue, and everything that is no failure's.
func TestMoveKeepsWhatThePartitionNeeds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		headers message.Headers
		attempt int
		want    message.Headers // beside the origin
	}{
		"a first delivery":               {message.Headers{"mine": 1, record.HeaderPublishedAt: int64(5)}, 1, message.Headers{"mine": 1, record.HeaderPublishedAt: int64(5)}},
		"a retry":                        {message.Headers{record.HeaderQueue: "q", record.HeaderRetryCount: int64(2)}, 3, message.Headers{record.HeaderRetryCount: int64(2)}},
		"a dead letter moved back":       {message.Headers{record.HeaderQueue: "q", record.HeaderRetryCount: int64(2), "x-death": "x"}, 1, message.Headers{}},
		"a failure on another queue":     {message.Headers{record.HeaderQueue: "other", record.HeaderRetryCount: int64(2), "mine": 1}, 1, message.Headers{"mine": 1}},
		"copies to other queues":         {message.Headers{"CC": "a", "BCC": "b"}, 1, message.Headers{}},
		"the canary of a replay is kept": {message.Headers{record.HeaderCanary: "q"}, 1, message.Headers{record.HeaderCanary: "q"}},
	} {
		got := record.Move(&message.Message{Headers: tt.headers, Attempt: tt.attempt, Exchange: "x", RoutingKey: "k", UserID: "me", Expiration: "100"}, "q")
		tt.want[record.HeaderQueue], tt.want[record.HeaderExchange], tt.want[record.HeaderRoutingKey], tt.want[record.HeaderUserID] = "q", "x", "k", "me"
		if !maps.Equal(got.Headers, tt.want) || got.UserID != "" || got.Expiration != "100" {
			t.Errorf("%s: the headers are %v, want %v", name, got.Headers, tt.want)
		}
	}
}
