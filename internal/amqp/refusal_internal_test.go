package amqp

import (
	"errors"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// What RabbitMQ 3.10 and 4.0 say, some of it with names that try to mislead.
func TestARefusalNamesItsMessage(t *testing.T) {
	t.Parallel()
	to := func(exchange, key string) *inFlight { return &inFlight{id: identity{exchange: exchange, key: key}} }
	tests := []struct {
		name  string
		code  int
		text  string
		f     *inFlight
		names bool
		want  error
	}{
		{"a missing exchange", 404, "NOT_FOUND - no exchange 'x' in vhost '/'", to("x", "k"), true, ErrUnroutable},
		{"a missing exchange, and another is meant", 404, "NOT_FOUND - no exchange 'x' in vhost '/'", to("xx", "k"), false, ErrUnroutable},
		{"no permission on 3.10", 403, "ACCESS_REFUSED - access to exchange 'x' in vhost '/' refused for user 'u'", to("x", "k"), true, ErrRefused},
		{"no permission on 4.0", 403, "ACCESS_REFUSED - write access to exchange 'x' in vhost '/' refused for user 'u'", to("x", "k"), true, ErrRefused},
		{"no permission, and the user is named like the exchange", 403, "ACCESS_REFUSED - write access to exchange 'x' in vhost '/' refused for user 'u'", to("u", "k"), false, ErrRefused},
		{"no permission for the default exchange", 403, "ACCESS_REFUSED - access to exchange 'amq.default' in vhost '/' refused for user 'u'", to("", "q"), true, ErrRefused},
		{"no permission for a topic on 3.10", 403, "ACCESS_REFUSED - access to topic 'k' in exchange 'x' in vhost '/' refused for user 'u'", to("x", "k"), true, ErrRefused},
		{"no permission for a topic on 4.0", 403, "ACCESS_REFUSED - write access to topic 'k' in exchange 'x' in vhost '/' refused for user 'u'", to("x", "k"), true, ErrRefused},
		{"no permission for another topic", 403, "ACCESS_REFUSED - write access to topic 'k' in exchange 'x' in vhost '/' refused for user 'u'", to("x", "other"), false, ErrRefused},
		{"an internal exchange", 403, "ACCESS_REFUSED - cannot publish to internal exchange 'x' in vhost '/'", to("x", "k"), true, ErrRefused},
		{"a body over the limit", 406, "PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000", &inFlight{size: 1001}, true, ErrTooLarge},
		{"a body over the limit, not the one that was met", 406, "PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000", &inFlight{size: 2000}, true, ErrTooLarge},
		{"a body of the limit", 406, "PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000", &inFlight{size: 1000}, false, ErrTooLarge},
		{"another user's name", 406, "PRECONDITION_FAILED - user_id property set to 'v' but authenticated user was 'u'", &inFlight{userID: "v"}, true, ErrRefused},
		{"no user's name", 406, "PRECONDITION_FAILED - user_id property set to 'v' but authenticated user was 'u'", &inFlight{}, false, ErrRefused},
		{"an expiration that is no number", 406, "PRECONDITION_FAILED - invalid expiration 'soon': no_integer", &inFlight{expiration: "soon"}, true, ErrMalformed},
		{"an expiration of another", 406, "PRECONDITION_FAILED - invalid expiration 'soon': no_integer", &inFlight{expiration: "60000"}, false, ErrMalformed},
		{"what names nothing", 406, "PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,\"CC\",longstr}", to("x", "k"), false, ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := refusal{why: &amqp091.Error{Code: tt.code, Reason: tt.text, Server: true}}
			if got := r.names(tt.f); got != tt.names {
				t.Errorf("it names the message: %v, want %v", got, tt.names)
			}
			if err := r.errorOf(); !errors.Is(err, tt.want) {
				t.Errorf("the error is %v, want %v", err, tt.want)
			}
		})
	}
}

// TestARefusedMessageThatMayBeQueued: the broker refuses one message, and the confirms of those
// before it may be lost.
func TestARefusedMessageThatMayBeQueued(t *testing.T) {
	t.Parallel()
	to := func(exchange, id string) *inFlight {
		return &inFlight{id: identity{exchange: exchange, key: "k", id: id}}
	}
	const missing = "NOT_FOUND - no exchange 'x' in vhost '/'"
	for _, tt := range []struct {
		name  string
		code  int
		text  string
		f     *inFlight
		other []*inFlight
		want  bool
	}{
		{"the only message", 404, missing, to("x", "1"), nil, false},
		{"the only message, which the text does not name", 406, "invalid message", to("x", "1"), nil, false},
		{"the only message to its exchange", 404, missing, to("x", "1"), []*inFlight{to("y", "2")}, false},
		{"one of two to its exchange", 404, missing, to("x", "1"), []*inFlight{to("x", "2"), to("y", "3")}, true},
		{
			"one of two too large ones", 406, "message size 9 is larger than configured max size 8",
			&inFlight{size: 9},
			[]*inFlight{{id: identity{id: "2"}, size: 10}},
			false,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			all := map[identity]*inFlight{tt.f.id: tt.f}
			for _, f := range tt.other {
				all[f.id] = f
			}
			r := refusal{why: &amqp091.Error{Code: tt.code, Reason: tt.text, Server: true}}.among(all)
			tt.f.line = &pipeline{closed: ErrNotConnected, refused: r}
			err := tt.f.closeCause()
			if !r.known || !errors.Is(err, r.why) || MayBeQueued(err) != tt.want {
				t.Errorf("got %v, may be queued: %v, want %v", err, MayBeQueued(err), tt.want)
			}
		})
	}
}

// FuzzRefusal: whatever the broker says, the reading of it ends.
func FuzzRefusal(f *testing.F) {
	f.Add(406, "message size 1 is larger than configured max size 99999999999999999999", "x", 1)
	f.Add(404, "no exchange '' in vhost", "", 0)
	f.Fuzz(func(t *testing.T, code int, text, exchange string, size int) {
		m := &inFlight{id: identity{exchange: exchange}, size: size}
		r := refusal{why: &amqp091.Error{Code: code, Reason: text}}.among(map[identity]*inFlight{m.id: m})
		if !r.known || !r.of(m) {
			t.Error("the only message is not the one that was refused")
		}
		if r.maxBody() < 0 || r.errorOf() == nil {
			t.Errorf("limit %d, error %v", r.maxBody(), r.errorOf())
		}
	})
}
