package amqp

import "testing"

func TestFifoKeepsTheOrderAndItsMemory(t *testing.T) {
	t.Parallel()
	var q fifo[int]
	in, out := 0, 0
	for round := range 10_000 {
		for range 1 + round%7 { // its length changes from round to round
			q.push(in)
			in++
		}
		for q.len() > round%50 {
			if got := q.pop(); got != out {
				t.Fatalf("got %d, want %d", got, out)
			}
			out++
		}
	}
	if q.len() != in-out || cap(q.all) > 256 {
		t.Errorf("%d elements with room for %d, want %d and at most 256", q.len(), cap(q.all), in-out)
	}
}
