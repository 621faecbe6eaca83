package conformance_test

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/rabbit"
)

// TestRefusedPublishes checks the errors for refused messages, on a node with a small limit
// and a user with few permissions. Each refused message closes its channel. The text names
// the reason, and is all that a client learns about the message.
func TestRefusedPublishes(t *testing.T) {
	t.Parallel()
	node := rabbit.Start(t)
	url := node.Permit(t, rabbit.User{Name: "u", Password: "u", Configure: ".*", Write: "^ok.*$", Read: ".*"})
	before := rabbit.Channel(t, url)
	if err := before.ExchangeDeclare("ok-topic", "topic", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := before.ExchangeDeclare("ok-internal", "fanout", true, false, true, false, nil); err != nil {
		t.Fatal(err)
	}
	node.LimitMessages(t, 1000)
	version, write := versionOf(t, url), "write "
	if version == "3.10" {
		write = ""
	}
	refused := func(exchange string) string {
		return "403 ACCESS_REFUSED - " + write + "access to exchange '" + exchange + "' in vhost '/' refused for user 'u'"
	}
	for _, tt := range []struct {
		name, exchange string
		message        amqp.Publishing
		want           string
	}{
		{"an exchange that may not be written to", "amq.fanout", amqp.Publishing{}, refused("amq.fanout")},
		{"one that does not exist either", "missing", amqp.Publishing{}, refused("missing")},
		{"one that does not exist", "ok-missing", amqp.Publishing{}, "404 NOT_FOUND - no exchange 'ok-missing' in vhost '/'"},
		{"the default exchange by its other name", "", amqp.Publishing{}, refused("amq.default")},
		{"an internal exchange", "ok-internal", amqp.Publishing{}, "403 ACCESS_REFUSED - cannot publish to internal exchange 'ok-internal' in vhost '/'"},
		{"a body of the limit", "ok-topic", amqp.Publishing{Body: make([]byte, 1000)}, "ack"},
		{"a body over the limit", "ok-topic", amqp.Publishing{Body: make([]byte, 1001)}, "406 PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000"},
		{"another user's name", "ok-topic", amqp.Publishing{UserId: "v"}, "406 PRECONDITION_FAILED - user_id property set to 'v' but authenticated user was 'u'"},
		{"an expiration that is no number", "ok-topic", amqp.Publishing{Expiration: "soon"}, "406 PRECONDITION_FAILED - invalid expiration 'soon': no_integer"},
		{"a CC that is no list", "ok-topic", amqp.Publishing{Headers: amqp.Table{"CC": "text"}}, `406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := fateOf(t, rabbit.Channel(t, url), tt.exchange, tt.message); got != tt.want {
				t.Errorf("RabbitMQ %s said %q, want %q", version, got, tt.want)
			}
		})
	}
}

// fateOf publishes with a confirm and returns the broker's answer.
func fateOf(t *testing.T, ch *amqp.Channel, exchange string, m amqp.Publishing) string {
	t.Helper()
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	confirm, err := ch.PublishWithDeferredConfirm(exchange, "key", false, false, m)
	if err != nil {
		t.Fatal(err)
	}
	if confirm.Wait() {
		return "ack"
	}
	select {
	case e := <-closed:
		return fmt.Sprint(e.Code, " ", e.Reason)
	default:
		return "nack"
	}
}
