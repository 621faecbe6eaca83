package broker

import (
	"slices"
	"testing"
)

func TestWhereATurnedRingBegins(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		turns       []int64
		ring, first int
	}{
		{"a queue that was never looked at is not turned", []int64{0, 0, 0}, 3, 0},
		{"a ring that was not turned begins at its head", []int64{3, 3, 1, 0}, 4, 0},
		{"a turned ring begins where the turns rise", []int64{1, 1, 2}, 3, 2},
		{"messages behind a turned ring are not part of it", []int64{2, 1, 3, 3, 0, 0}, 4, 2},
		{"messages of unknown turns are passed over", []int64{unknownTurns, 1, unknownTurns, 2, unknownTurns, 0}, 5, 3},
		{"turns that rise twice are no ring", []int64{1, 2, 1, 2}, 4, 0},
		{"turns that end below the first are no ring", []int64{3, 1, 2}, 3, 0},
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

func TestGivingBackInFewCommands(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		all, back []uint64
		want      []order
	}{
		{"nothing", nil, nil, nil},
		{"all in parts", []uint64{1, 2, 3}, []uint64{1, 2, 3}, []order{{2, true, 2}, {3, true, 1}}},
		{"what is behind a kept message by itself", []uint64{1, 2, 3, 5}, []uint64{1, 3, 5}, []order{{1, true, 1}, {3, false, 1}, {5, false, 1}}},
		{"the end before the beginning", []uint64{1, 2, 3}, []uint64{3, 1, 2}, []order{{3, false, 1}, {2, true, 2}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := plan(tt.all, tt.back, 2); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
