package devbroker

import "slices"

// route returns the queues that m reaches from x, each once. It follows bindings to other
// exchanges, and alternate exchanges.
func (x *exchange) route(m *message) []*queue {
	if x.name == "" { // a fast path without bindings: a worker sends most messages to the default exchange
		return x.vhost.named(m.keys)
	}
	r := router{message: m, seen: map[target]bool{}}
	r.visit(x)
	return r.queues
}

// named returns the queues with these names.
func (v *vhost) named(keys []string) []*queue {
	queues := make([]*queue, 0, len(keys))
	for i, key := range keys {
		if q := v.queues[key]; q != nil && !slices.Contains(keys[:i], key) {
			queues = append(queues, q)
		}
	}
	return queues
}

type router struct {
	message *message
	seen    map[target]bool
	queues  []*queue
}

func (r *router) visit(x *exchange) {
	if r.seen[x] {
		return
	}
	r.seen[x] = true
	taken := 0
	follow := func(b *binding) {
		taken++
		r.follow(b.target)
	}
	for _, key := range r.message.keys {
		x.table.match(r.message, key, follow)
	}
	if x.name == "" {
		queues := x.vhost.named(r.message.keys)
		taken += len(queues)
		for _, q := range queues {
			r.follow(q)
		}
	}
	if taken == 0 {
		r.visitAlternate(x)
	}
}

func (r *router) visitAlternate(x *exchange) {
	if other := x.vhost.exchanges[x.alternate()]; other != nil && x.alternate() != "" {
		r.visit(other)
	}
}

func (r *router) follow(to target) {
	switch to := to.(type) {
	case *exchange:
		r.visit(to)
	case *queue:
		if !r.seen[to] {
			r.seen[to] = true
			r.queues = append(r.queues, to)
		}
	}
}
