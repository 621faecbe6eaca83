package devbroker

import (
	"strings"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

func (ch *channel) exchangeDeclare(m *wire.ExchangeDeclare) error {
	v := ch.vhost()
	if !m.Passive {
		if err := ch.mayDeclareExchange(m); err != nil {
			return err
		}
	}
	x := v.exchanges[m.Exchange]
	switch {
	case m.Passive && x == nil:
		return refuse(notFound, "no exchange '%s' in vhost '%s'", m.Exchange, v.name)
	case x == nil:
		v.exchanges[m.Exchange] = newExchange(v, settingsOfExchange(m))
	case !m.Passive:
		if err := x.mustBe(settingsOfExchange(m)); err != nil {
			return err
		}
	}
	ch.answer(m.NoWait, &wire.ExchangeDeclareOk{})
	return nil
}

func settingsOfExchange(m *wire.ExchangeDeclare) exchangeSettings {
	return exchangeSettings{
		name: m.Exchange, kind: m.Type, durable: m.Durable,
		autoDelete: m.AutoDelete, internal: m.Internal, args: m.Arguments,
	}
}

func (ch *channel) mayDeclareExchange(m *wire.ExchangeDeclare) error {
	v := ch.vhost()
	if m.Exchange == "" {
		return refuse(accessRefused, "operation not permitted on the default exchange")
	}
	if _, ok := matchers[m.Type]; !ok {
		return refuse(commandInvalid, "unknown exchange type '%s'", m.Type)
	}
	if v.exchanges[m.Exchange] == nil && strings.HasPrefix(m.Exchange, "amq.") {
		return refuse(accessRefused, "exchange name '%s' contains reserved prefix 'amq.*'", m.Exchange)
	}
	return ch.conn.account.check(configure, "exchange", m.Exchange, v.name)
}

// mustBe refuses a declaration that wants another exchange than x is.
func (x *exchange) mustBe(want exchangeSettings) error {
	subject := "exchange '" + x.name + "' in vhost '" + x.vhost.name + "'"
	for _, field := range []struct{ name, got, want string }{
		{"type", x.kind, want.kind},
		{"durable", boolText(x.durable), boolText(want.durable)},
		{"auto_delete", boolText(x.autoDelete), boolText(want.autoDelete)},
		{"internal", boolText(x.internal), boolText(want.internal)},
	} {
		if field.got != field.want {
			return inequivalent(field.name, subject, "'"+field.want+"'", "'"+field.got+"'")
		}
	}
	return sameArguments(subject, x.args, want.args, []string{"alternate-exchange"})
}

func (ch *channel) exchangeDelete(m *wire.ExchangeDelete) error {
	if m.Exchange == "" {
		return refuse(accessRefused, "operation not permitted on the default exchange")
	}
	if _, ok := predeclared[m.Exchange]; ok || strings.HasPrefix(m.Exchange, "amq.") {
		return refuse(accessRefused, "exchange name '%s' contains reserved prefix 'amq.*'", m.Exchange)
	}
	if err := ch.conn.account.check(configure, "exchange", m.Exchange, ch.vhost().name); err != nil {
		return err
	}
	if x := ch.vhost().exchanges[m.Exchange]; x != nil {
		if m.IfUnused && len(x.bindings) > 0 {
			return refuse(preconditionFailed, "exchange '%s' in vhost '%s' in use", x.name, x.vhost.name)
		}
		x.delete()
	}
	ch.answer(m.NoWait, &wire.ExchangeDeleteOk{})
	return nil
}

func (ch *channel) exchangeBind(m *wire.ExchangeBind) error {
	source, to, err := ch.exchangesOf(m.Source, m.Destination)
	if err != nil {
		return err
	}
	source.bind(to, m.RoutingKey, m.Arguments)
	ch.answer(m.NoWait, &wire.ExchangeBindOk{})
	return nil
}

func (ch *channel) exchangeUnbind(m *wire.ExchangeUnbind) error {
	source, to, err := ch.exchangesOf(m.Source, m.Destination)
	if err != nil {
		return err
	}
	source.unbindOne(to, m.RoutingKey, m.Arguments)
	ch.answer(m.NoWait, &wire.ExchangeUnbindOk{})
	return nil
}

// unbindOne removes a binding, if there is such a one.
func (x *exchange) unbindOne(to target, key string, args wire.Table) {
	if b := x.find(to, key, args); b != nil {
		x.unbind(func(other *binding) bool { return other == b })
	}
}

// exchangesOf returns the two ends of a binding between exchanges.
func (ch *channel) exchangesOf(source, destination string) (from, to *exchange, err error) {
	if source == "" || destination == "" {
		return nil, nil, refuse(accessRefused, "operation not permitted on the default exchange")
	}
	vhost, account := ch.vhost(), ch.conn.account
	if err := account.check(write, "exchange", destination, vhost.name); err != nil {
		return nil, nil, err
	}
	if err := account.check(read, "exchange", source, vhost.name); err != nil {
		return nil, nil, err
	}
	if from, err = vhost.exchange(source); err != nil {
		return nil, nil, err
	}
	to, err = vhost.exchange(destination)
	return from, to, err
}
