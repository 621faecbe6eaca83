package devbroker

import (
	"slices"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// exchangeSettings holds the parameters of an exchange's declaration.
type exchangeSettings struct {
	name       string
	kind       string
	durable    bool
	autoDelete bool
	internal   bool
	args       wire.Table
}

// exchange routes messages to the queues and exchanges that are bound to it.
type exchange struct {
	exchangeSettings
	vhost    *vhost
	bindings []*binding
	table    matcher // matches the same bindings
	bound    bool    // has had a binding; an autoDelete exchange is deleted with its last one
}

// binding binds a queue or an exchange to an exchange.
type binding struct {
	source *exchange
	key    string
	args   wire.Table
	target target
}

// target is the destination of a binding: a *queue or an *exchange.
type target interface{ targetName() string }

func (x *exchange) targetName() string { return x.name }

// matcher finds the bindings that match a message.
type matcher interface {
	add(b *binding)
	remove(b *binding)
	match(m *message, key string, take func(*binding))
}

var matchers = map[string]func(generation) matcher{
	"direct":  func(generation) matcher { return directMatcher{} },
	"fanout":  func(generation) matcher { return &fanoutMatcher{} },
	"topic":   func(generation) matcher { return &topicMatcher{exact: directMatcher{}} },
	"headers": func(g generation) matcher { return &headersMatcher{floats: g.floatsMatch} },

	"x-local-random": func(generation) matcher { return &randomMatcher{} },
}

func newExchange(v *vhost, s exchangeSettings) *exchange {
	return &exchange{exchangeSettings: s, vhost: v, table: matchers[s.kind](v.broker.gen)}
}

// alternate returns the name of the exchange for messages that match no binding, or "".
func (x *exchange) alternate() string {
	name, _ := x.args.Get("alternate-exchange")
	text, _ := name.(string)
	return text
}

func (x *exchange) find(to target, key string, args wire.Table) *binding {
	i := slices.IndexFunc(x.bindings, func(b *binding) bool {
		return b.target == to && b.key == key && sameTable(b.args, args)
	})
	if i < 0 {
		return nil
	}
	return x.bindings[i]
}

// bind adds a binding unless it exists.
func (x *exchange) bind(to target, key string, args wire.Table) {
	x.bound = true
	if x.find(to, key, args) != nil {
		return
	}
	b := &binding{source: x, key: key, args: args, target: to}
	x.bindings = append(x.bindings, b)
	x.table.add(b)
}

// unbind removes the bindings for which remove returns true. It deletes an auto-delete
// exchange that has lost its last binding.
func (x *exchange) unbind(remove func(*binding) bool) {
	before := len(x.bindings)
	x.bindings = slices.DeleteFunc(x.bindings, func(b *binding) bool {
		if !remove(b) {
			return false
		}
		x.table.remove(b)
		return true
	})
	if x.autoDelete && len(x.bindings) == 0 && before > 0 {
		x.delete()
	}
}

// delete removes the exchange and all bindings from and to it.
func (x *exchange) delete() {
	delete(x.vhost.exchanges, x.name)
	x.vhost.forget(x)
}

// forget removes the bindings to a deleted queue or exchange.
func (v *vhost) forget(gone target) {
	for _, x := range v.exchanges {
		x.unbind(func(b *binding) bool { return b.target == gone })
	}
}
