package wire

var queueRows = [...]row{
	10: {"queue.declare", create[QueueDeclare]},
	11: {"queue.declare-ok", create[QueueDeclareOk]},
	20: {"queue.bind", create[QueueBind]},
	21: {"queue.bind-ok", create[QueueBindOk]},
	30: {"queue.purge", create[QueuePurge]},
	31: {"queue.purge-ok", create[QueuePurgeOk]},
	40: {"queue.delete", create[QueueDelete]},
	41: {"queue.delete-ok", create[QueueDeleteOk]},
	50: {"queue.unbind", create[QueueUnbind]},
	51: {"queue.unbind-ok", create[QueueUnbindOk]},
}

// QueueDeclare declares a queue, or, if passive, checks whether it exists.
type QueueDeclare struct {
	Queue                                           string
	Passive, Durable, Exclusive, AutoDelete, NoWait bool
	Arguments                                       Table
}

// ID returns 50 and 10.
func (*QueueDeclare) ID() (class, method uint16) { return ClassQueue, 10 }

func (m *QueueDeclare) arguments(c codec) codec {
	return c.reservedShort().text(&m.Queue).
		bits(&m.Passive, &m.Durable, &m.Exclusive, &m.AutoDelete, &m.NoWait).table(&m.Arguments)
}

// QueueDeclareOk answers [QueueDeclare]. Its message count is the number of ready messages.
type QueueDeclareOk struct {
	Queue                       string
	MessageCount, ConsumerCount uint32
}

// ID returns 50 and 11.
func (*QueueDeclareOk) ID() (class, method uint16) { return ClassQueue, 11 }

func (m *QueueDeclareOk) arguments(c codec) codec {
	return c.text(&m.Queue).long(&m.MessageCount).long(&m.ConsumerCount)
}

// QueueBind binds a queue to an exchange.
type QueueBind struct {
	Queue, Exchange, RoutingKey string
	NoWait                      bool
	Arguments                   Table
}

// ID returns 50 and 20.
func (*QueueBind) ID() (class, method uint16) { return ClassQueue, 20 }

func (m *QueueBind) arguments(c codec) codec {
	return c.reservedShort().text(&m.Queue).text(&m.Exchange).text(&m.RoutingKey).bits(&m.NoWait).
		table(&m.Arguments)
}

// QueueBindOk answers [QueueBind].
type QueueBindOk struct{}

// ID returns 50 and 21.
func (*QueueBindOk) ID() (class, method uint16) { return ClassQueue, 21 }

func (*QueueBindOk) arguments(c codec) codec { return c }

// QueuePurge deletes the messages of a queue that are ready.
type QueuePurge struct {
	Queue  string
	NoWait bool
}

// ID returns 50 and 30.
func (*QueuePurge) ID() (class, method uint16) { return ClassQueue, 30 }

func (m *QueuePurge) arguments(c codec) codec {
	return c.reservedShort().text(&m.Queue).bits(&m.NoWait)
}

// QueuePurgeOk answers [QueuePurge].
type QueuePurgeOk struct {
	MessageCount uint32
}

// ID returns 50 and 31.
func (*QueuePurgeOk) ID() (class, method uint16) { return ClassQueue, 31 }

func (m *QueuePurgeOk) arguments(c codec) codec { return c.long(&m.MessageCount) }

// QueueDelete deletes a queue.
type QueueDelete struct {
	Queue                     string
	IfUnused, IfEmpty, NoWait bool
}

// ID returns 50 and 40.
func (*QueueDelete) ID() (class, method uint16) { return ClassQueue, 40 }

func (m *QueueDelete) arguments(c codec) codec {
	return c.reservedShort().text(&m.Queue).bits(&m.IfUnused, &m.IfEmpty, &m.NoWait)
}

// QueueDeleteOk answers [QueueDelete].
type QueueDeleteOk struct {
	MessageCount uint32
}

// ID returns 50 and 41.
func (*QueueDeleteOk) ID() (class, method uint16) { return ClassQueue, 41 }

func (m *QueueDeleteOk) arguments(c codec) codec { return c.long(&m.MessageCount) }

// QueueUnbind removes a binding of a queue.
type QueueUnbind struct {
	Queue, Exchange, RoutingKey string
	Arguments                   Table
}

// ID returns 50 and 50.
func (*QueueUnbind) ID() (class, method uint16) { return ClassQueue, 50 }

func (m *QueueUnbind) arguments(c codec) codec {
	return c.reservedShort().text(&m.Queue).text(&m.Exchange).text(&m.RoutingKey).table(&m.Arguments)
}

// QueueUnbindOk answers [QueueUnbind].
type QueueUnbindOk struct{}

// ID returns 50 and 51.
func (*QueueUnbindOk) ID() (class, method uint16) { return ClassQueue, 51 }

func (*QueueUnbindOk) arguments(c codec) codec { return c }
