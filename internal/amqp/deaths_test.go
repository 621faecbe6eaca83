package amqp_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
)

func TestDeaths(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0)
	h := message.Headers{"x-death": []any{
		amqp091.Table{"queue": "work", "reason": "expired", "exchange": "events", "count": int64(2), "time": at, "routing-keys": []any{"user.signed_up", 7, strings.Repeat("x", 256)}},
		amqp091.Table{"queue": "warren.delay.03", "reason": "expired"},
		"nonsense",
		amqp091.Table{"queue": 7},
		amqp091.Table{"queue": "work", "reason": strings.Repeat("x", 256)},
	}}
	want := []amqp.Death{{Queue: "work", Reason: "expired", Exchange: "events", Keys: []string{"user.signed_up"}, Count: 2, Time: at}}
	if got := amqp.Deaths(h); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := amqp.Deaths(message.Headers{"x-death": "none"}); got != nil {
		t.Errorf("got %+v from a text, want nothing", got)
	}
}
