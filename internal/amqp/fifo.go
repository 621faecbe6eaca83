package amqp

// fifo is a first-in, first-out queue that reuses its memory. The zero value is empty.
type fifo[T any] struct {
	all  []T
	head int // the index of the first element
}

func (q *fifo[T]) len() int { return len(q.all) - q.head }

func (q *fifo[T]) push(v T) {
	if len(q.all) == cap(q.all) && q.head > len(q.all)/2 { // moving less than half keeps a push cheap
		n := copy(q.all, q.all[q.head:])
		clear(q.all[n:])
		q.all, q.head = q.all[:n], 0
	}
	q.all = append(q.all, v)
}

// pop removes and returns the first element. The queue must not be empty.
func (q *fifo[T]) pop() (v T) {
	v, q.all[q.head] = q.all[q.head], v
	if q.head++; q.head == len(q.all) {
		q.all, q.head = q.all[:0], 0
	}
	return v
}
