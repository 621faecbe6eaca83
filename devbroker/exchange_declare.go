package devbroker

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

func (ch *channel) exchangeDeclare(m *wire.ExchangeDeclare) error {
	if m.Exchange == "" {
		return refuse(accessRefused, "operation not permitted on the default exchange")
	}
	declare := ch.declareExchange
	if m.Passive {
		declare = ch.findExchange
	}
	if err := declare(m); err != nil {
		return err
	}
	ch.answer(m.NoWait, &wire.ExchangeDeclareOk{})
	return nil
}

func (ch *channel) findExchange(m *wire.ExchangeDeclare) error {
	if err := ch.conn.account.checkPassive("exchange", m.Exchange, ch.vhost().name); err != nil {
		return err
	}
	_, err := ch.vhost().exchange(m.Exchange)
	return err
}

func (ch *channel) declareExchange(m *wire.ExchangeDeclare) error {
	if err := ch.mayDeclareExchange(m); err != nil {
		return err
	}
	v := ch.vhost()
	if x := v.exchanges[m.Exchange]; x != nil {
		return x.mustBe(settingsOfExchange(m))
	}
	if err := ch.conn.account.checkTarget("exchange", m.Exchange, v.name, m.Arguments, "alternate-exchange"); err != nil {
		return err
	}
	v.exchanges[m.Exchange] = newExchange(v, settingsOfExchange(m))
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
	if err := ch.broker().gen.knowsType(m.Type); err != nil {
		return err
	}
	if v.exchanges[m.Exchange] == nil && strings.HasPrefix(m.Exchange, "amq.") {
		return refuse(accessRefused, "exchange name '%s' contains reserved prefix 'amq.*'", m.Exchange)
	}
	if err := namesExchange(m.Arguments, "alternate-exchange", "exchange '"+m.Exchange+"' in vhost '"+v.name+"'"); err != nil {
		return err
	}
	return ch.conn.account.check(configure, "exchange", m.Exchange, v.name)
}

// knowsType returns an error for an unknown exchange type.
func (g generation) knowsType(name string) error {
	if _, ok := matchers[name]; ok && (name != "x-local-random" || g.localRandom) {
		return nil
	}
	text := fmt.Sprintf("unknown exchange type '%s'", name)
	if name == "" {
		text = "invalid exchange type ''"
	}
	if g.unknownTypeCloses {
		return refuse(commandInvalid, "%s", text)
	}
	return refuse(preconditionFailed, "%s", text)
}

// mustBe returns an error if a declaration differs from x.
func (x *exchange) mustBe(want exchangeSettings) error {
	subject := "exchange '" + x.name + "' in vhost '" + x.vhost.name + "'"
	if x.kind != want.kind {
		return inequivalent("type", subject, "'"+want.kind+"'", "'"+x.kind+"'")
	}
	if err := cmp.Or(
		sameFlag("durable", subject, x.durable, want.durable),
		sameFlag("auto_delete", subject, x.autoDelete, want.autoDelete),
		sameFlag("internal", subject, x.internal, want.internal),
	); err != nil {
		return err
	}
	return sameArguments(subject, x.args, want.args, []string{"alternate-exchange"})
}

func (ch *channel) exchangeDelete(m *wire.ExchangeDelete) error {
	if m.Exchange == "" {
		return refuse(accessRefused, "operation not permitted on the default exchange")
	}
	if strings.HasPrefix(m.Exchange, "amq.") {
		return refuse(accessRefused, "deletion of system exchange '%s' in vhost '%s' not allowed", m.Exchange, ch.vhost().name)
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
	if err := source.takes(m.Arguments); err != nil {
		return err
	}
	source.bind(to, m.RoutingKey, m.Arguments)
	ch.answer(m.NoWait, &wire.ExchangeBindOk{})
	return nil
}

func (ch *channel) exchangeUnbind(m *wire.ExchangeUnbind) error {
	source, to, err := ch.exchangesOf(m.Source, m.Destination)
	if isMissing(err) { // unbinding succeeds if an end is missing
		ch.answer(m.NoWait, &wire.ExchangeUnbindOk{})
		return nil
	}
	if err != nil {
		return err
	}
	source.unbindOne(to, m.RoutingKey, m.Arguments)
	ch.answer(m.NoWait, &wire.ExchangeUnbindOk{})
	return nil
}

// unbindOne removes a binding if it exists.
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
	from, err = vhost.exchange(source)
	if err != nil {
		return nil, nil, err
	}
	to, err = vhost.exchange(destination)
	return from, to, err
}
