package wire

var exchangeRows = [...]row{
	10: {"exchange.declare", create[ExchangeDeclare]},
	11: {"exchange.declare-ok", create[ExchangeDeclareOk]},
	20: {"exchange.delete", create[ExchangeDelete]},
	21: {"exchange.delete-ok", create[ExchangeDeleteOk]},
	30: {"exchange.bind", create[ExchangeBind]},
	31: {"exchange.bind-ok", create[ExchangeBindOk]},
	40: {"exchange.unbind", create[ExchangeUnbind]},
	51: {"exchange.unbind-ok", create[ExchangeUnbindOk]},
}

// ExchangeDeclare declares an exchange, or, if passive, checks whether it exists.
type ExchangeDeclare struct {
	Exchange, Type                                 string
	Passive, Durable, AutoDelete, Internal, NoWait bool
	Arguments                                      Table
}

// ID returns 40 and 10.
func (*ExchangeDeclare) ID() (class, method uint16) { return ClassExchange, 10 }

func (m *ExchangeDeclare) arguments(c codec) codec {
	return c.reservedShort().text(&m.Exchange).text(&m.Type).
		bits(&m.Passive, &m.Durable, &m.AutoDelete, &m.Internal, &m.NoWait).table(&m.Arguments)
}

// ExchangeDeclareOk answers [ExchangeDeclare].
type ExchangeDeclareOk struct{}

// ID returns 40 and 11.
func (*ExchangeDeclareOk) ID() (class, method uint16) { return ClassExchange, 11 }

func (*ExchangeDeclareOk) arguments(c codec) codec { return c }

// ExchangeDelete deletes an exchange.
type ExchangeDelete struct {
	Exchange         string
	IfUnused, NoWait bool
}

// ID returns 40 and 20.
func (*ExchangeDelete) ID() (class, method uint16) { return ClassExchange, 20 }

func (m *ExchangeDelete) arguments(c codec) codec {
	return c.reservedShort().text(&m.Exchange).bits(&m.IfUnused, &m.NoWait)
}

// ExchangeDeleteOk answers [ExchangeDelete].
type ExchangeDeleteOk struct{}

// ID returns 40 and 21.
func (*ExchangeDeleteOk) ID() (class, method uint16) { return ClassExchange, 21 }

func (*ExchangeDeleteOk) arguments(c codec) codec { return c }

// ExchangeBind binds an exchange to another.
type ExchangeBind struct {
	Destination, Source, RoutingKey string
	NoWait                          bool
	Arguments                       Table
}

// ID returns 40 and 30.
func (*ExchangeBind) ID() (class, method uint16) { return ClassExchange, 30 }

func (m *ExchangeBind) arguments(c codec) codec {
	return c.reservedShort().text(&m.Destination).text(&m.Source).text(&m.RoutingKey).
		bits(&m.NoWait).table(&m.Arguments)
}

// ExchangeBindOk answers [ExchangeBind].
type ExchangeBindOk struct{}

// ID returns 40 and 31.
func (*ExchangeBindOk) ID() (class, method uint16) { return ClassExchange, 31 }

func (*ExchangeBindOk) arguments(c codec) codec { return c }

// ExchangeUnbind removes a binding between exchanges.
type ExchangeUnbind struct {
	Destination, Source, RoutingKey string
	NoWait                          bool
	Arguments                       Table
}

// ID returns 40 and 40.
func (*ExchangeUnbind) ID() (class, method uint16) { return ClassExchange, 40 }

func (m *ExchangeUnbind) arguments(c codec) codec {
	return c.reservedShort().text(&m.Destination).text(&m.Source).text(&m.RoutingKey).
		bits(&m.NoWait).table(&m.Arguments)
}

// ExchangeUnbindOk answers [ExchangeUnbind].
type ExchangeUnbindOk struct{}

// ID returns 40 and 51.
func (*ExchangeUnbindOk) ID() (class, method uint16) { return ClassExchange, 51 }

func (*ExchangeUnbindOk) arguments(c codec) codec { return c }
