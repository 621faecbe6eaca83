package amqp

import "sync"

// unroutable holds the functions that are called for each unroutable message.
type unroutable struct {
	mu   sync.Mutex
	last int
	all  map[int]func(exchange, key string)
}

// NotifyUnroutable calls f for each message that fails with ErrUnroutable, until stop is
// called. f runs on the goroutines that publish, so it must be quick.
func (s *Sender) NotifyUnroutable(f func(exchange, key string)) (stop func()) {
	u := &s.unroutable
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all == nil {
		u.all = make(map[int]func(exchange, key string))
	}
	u.last++
	id := u.last
	u.all[id] = f
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.all, id)
	}
}

func (u *unroutable) tell(exchange, key string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, f := range u.all {
		f(exchange, key)
	}
}
