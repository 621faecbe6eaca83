package wire

var accessRows = [...]row{
	10: {"access.request", create[AccessRequest]},
	11: {"access.request-ok", create[AccessRequestOk]},
}

// AccessRequest is a relic of AMQP 0-8 that RabbitMQ answers still.
type AccessRequest struct {
	Realm                                   string
	Exclusive, Passive, Active, Write, Read bool
}

// ID returns 30 and 10.
func (*AccessRequest) ID() (class, method uint16) { return ClassAccess, 10 }

func (m *AccessRequest) arguments(c codec) codec {
	return c.text(&m.Realm).bits(&m.Exclusive, &m.Passive, &m.Active, &m.Write, &m.Read)
}

// AccessRequestOk answers [AccessRequest].
type AccessRequestOk struct {
	Ticket uint16
}

// ID returns 30 and 11.
func (*AccessRequestOk) ID() (class, method uint16) { return ClassAccess, 11 }

func (m *AccessRequestOk) arguments(c codec) codec { return c.short(&m.Ticket) }
