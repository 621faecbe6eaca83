package inspect

import (
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

func TestTurnsOfMessages(t *testing.T) {
	t.Parallel()
	count, death := "x-delivery-count", []any{amqp091.Table{}}
	tests := []struct {
		name        string
		redelivered bool
		headers     amqp091.Table
		want        int64
	}{
		{"a message that no one has taken", false, amqp091.Table{count: int64(0)}, 0},
		{"an inherited count", false, amqp091.Table{count: int64(3)}, 0},
		{"a classic queue", true, nil, 0},
		{"RabbitMQ 3.10", true, amqp091.Table{count: int64(2)}, 2},
		{"RabbitMQ 4.3", true, amqp091.Table{"x-acquired-count": int64(2), "x-death": death}, 2},
		{"dead-lettered by RabbitMQ 4.0", true, amqp091.Table{count: int64(1), "x-death": death}, unknownTurns},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := turnsOf(&amqp091.Delivery{Redelivered: tt.redelivered, Headers: tt.headers}); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestWhereATurnedRingBegins(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		turns       []int64
		ring, first int
	}{
		{"no messages have no beginning", nil, 0, 0},
		{"messages that never came back form no ring", []int64{0, 0, 0}, 0, 0},
		{"a ring that was not turned begins at its head", []int64{3, 3, 1, 0}, 3, 0},
		{"a turned ring begins where the turns rise", []int64{1, 1, 2}, 3, 2},
		{"messages behind a turned ring are not part of it", []int64{2, 1, 3, 3, 0, 0}, 4, 2},
		{"messages of unknown turns are passed over", []int64{unknownTurns, 1, unknownTurns, 2, unknownTurns, 0}, 5, 3},
		{"messages of unknown turns alone begin at the head", []int64{unknownTurns, unknownTurns}, 2, 0},
		{"turns that rise twice tell no beginning", []int64{1, 2, 1, 2}, 4, 0},
		{"turns that end below the first tell no beginning", []int64{3, 1, 2}, 3, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if ring, first := turned(tt.turns); ring != tt.ring || first != tt.first {
				t.Errorf("got %d and %d, want %d and %d", ring, first, tt.ring, tt.first)
			}
		})
	}
}
