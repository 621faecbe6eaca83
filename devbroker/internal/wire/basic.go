package wire

var basicRows = [...]row{
	10:  {"basic.qos", create[BasicQos]},
	11:  {"basic.qos-ok", create[BasicQosOk]},
	20:  {"basic.consume", create[BasicConsume]},
	21:  {"basic.consume-ok", create[BasicConsumeOk]},
	30:  {"basic.cancel", create[BasicCancel]},
	31:  {"basic.cancel-ok", create[BasicCancelOk]},
	40:  {"basic.publish", create[BasicPublish]},
	50:  {"basic.return", create[BasicReturn]},
	60:  {"basic.deliver", create[BasicDeliver]},
	70:  {"basic.get", create[BasicGet]},
	71:  {"basic.get-ok", create[BasicGetOk]},
	72:  {"basic.get-empty", create[BasicGetEmpty]},
	80:  {"basic.ack", create[BasicAck]},
	90:  {"basic.reject", create[BasicReject]},
	100: {"basic.recover-async", create[BasicRecoverAsync]},
	110: {"basic.recover", create[BasicRecover]},
	111: {"basic.recover-ok", create[BasicRecoverOk]},
	120: {"basic.nack", create[BasicNack]},
}

// BasicQos limits the deliveries that await their ack; 0 means no limit.
type BasicQos struct {
	PrefetchSize  uint32
	PrefetchCount uint16
	Global        bool
}

// ID returns 60 and 10.
func (*BasicQos) ID() (class, method uint16) { return ClassBasic, 10 }

func (m *BasicQos) arguments(c codec) codec {
	return c.long(&m.PrefetchSize).short(&m.PrefetchCount).bits(&m.Global)
}

// BasicQosOk answers [BasicQos].
type BasicQosOk struct{}

// ID returns 60 and 11.
func (*BasicQosOk) ID() (class, method uint16) { return ClassBasic, 11 }

func (*BasicQosOk) arguments(c codec) codec { return c }

// BasicConsume starts a consumer.
type BasicConsume struct {
	Queue, ConsumerTag                string
	NoLocal, NoAck, Exclusive, NoWait bool
	Arguments                         Table
}

// ID returns 60 and 20.
func (*BasicConsume) ID() (class, method uint16) { return ClassBasic, 20 }

func (m *BasicConsume) arguments(c codec) codec {
	return c.reservedShort().text(&m.Queue).text(&m.ConsumerTag).
		bits(&m.NoLocal, &m.NoAck, &m.Exclusive, &m.NoWait).table(&m.Arguments)
}

// BasicConsumeOk answers [BasicConsume].
type BasicConsumeOk struct {
	ConsumerTag string
}

// ID returns 60 and 21.
func (*BasicConsumeOk) ID() (class, method uint16) { return ClassBasic, 21 }

func (m *BasicConsumeOk) arguments(c codec) codec { return c.text(&m.ConsumerTag) }

// BasicCancel stops a consumer. A server sends it if the queue is gone.
type BasicCancel struct {
	ConsumerTag string
	NoWait      bool
}

// ID returns 60 and 30.
func (*BasicCancel) ID() (class, method uint16) { return ClassBasic, 30 }

func (m *BasicCancel) arguments(c codec) codec { return c.text(&m.ConsumerTag).bits(&m.NoWait) }

// BasicCancelOk answers [BasicCancel].
type BasicCancelOk struct {
	ConsumerTag string
}

// ID returns 60 and 31.
func (*BasicCancelOk) ID() (class, method uint16) { return ClassBasic, 31 }

func (m *BasicCancelOk) arguments(c codec) codec { return c.text(&m.ConsumerTag) }

// BasicPublish publishes the content that follows.
type BasicPublish struct {
	Exchange, RoutingKey string
	Mandatory, Immediate bool
}

// ID returns 60 and 40.
func (*BasicPublish) ID() (class, method uint16) { return ClassBasic, 40 }

func (m *BasicPublish) arguments(c codec) codec {
	return c.reservedShort().raw(&m.Exchange).raw(&m.RoutingKey).bits(&m.Mandatory, &m.Immediate)
}

// BasicReturn returns an unroutable content to its publisher.
type BasicReturn struct {
	ReplyCode                       uint16
	ReplyText, Exchange, RoutingKey string
}

// ID returns 60 and 50.
func (*BasicReturn) ID() (class, method uint16) { return ClassBasic, 50 }

func (m *BasicReturn) arguments(c codec) codec {
	return c.short(&m.ReplyCode).raw(&m.ReplyText).raw(&m.Exchange).raw(&m.RoutingKey)
}

// BasicDeliver delivers the content that follows to a consumer.
type BasicDeliver struct {
	ConsumerTag          string
	DeliveryTag          uint64
	Redelivered          bool
	Exchange, RoutingKey string
}

// ID returns 60 and 60.
func (*BasicDeliver) ID() (class, method uint16) { return ClassBasic, 60 }

func (m *BasicDeliver) arguments(c codec) codec {
	return c.raw(&m.ConsumerTag).longlong(&m.DeliveryTag).bits(&m.Redelivered).raw(&m.Exchange).
		raw(&m.RoutingKey)
}

// BasicGet asks for one message.
type BasicGet struct {
	Queue string
	NoAck bool
}

// ID returns 60 and 70.
func (*BasicGet) ID() (class, method uint16) { return ClassBasic, 70 }

func (m *BasicGet) arguments(c codec) codec { return c.reservedShort().text(&m.Queue).bits(&m.NoAck) }

// BasicGetOk answers [BasicGet] with the content that follows and the number of messages
// left in the queue.
type BasicGetOk struct {
	DeliveryTag          uint64
	Redelivered          bool
	Exchange, RoutingKey string
	MessageCount         uint32
}

// ID returns 60 and 71.
func (*BasicGetOk) ID() (class, method uint16) { return ClassBasic, 71 }

func (m *BasicGetOk) arguments(c codec) codec {
	return c.longlong(&m.DeliveryTag).bits(&m.Redelivered).raw(&m.Exchange).raw(&m.RoutingKey).
		long(&m.MessageCount)
}

// BasicGetEmpty answers [BasicGet] if the queue is empty.
type BasicGetEmpty struct{}

// ID returns 60 and 72.
func (*BasicGetEmpty) ID() (class, method uint16) { return ClassBasic, 72 }

func (*BasicGetEmpty) arguments(c codec) codec { return c.reservedText() }

// BasicAck acknowledges a delivery, or, from the server, a publish.
type BasicAck struct {
	DeliveryTag uint64
	Multiple    bool
}

// ID returns 60 and 80.
func (*BasicAck) ID() (class, method uint16) { return ClassBasic, 80 }

func (m *BasicAck) arguments(c codec) codec { return c.longlong(&m.DeliveryTag).bits(&m.Multiple) }

// BasicReject refuses a delivery.
type BasicReject struct {
	DeliveryTag uint64
	Requeue     bool
}

// ID returns 60 and 90.
func (*BasicReject) ID() (class, method uint16) { return ClassBasic, 90 }

func (m *BasicReject) arguments(c codec) codec { return c.longlong(&m.DeliveryTag).bits(&m.Requeue) }

// BasicRecoverAsync is [BasicRecover] without an answer.
type BasicRecoverAsync struct {
	Requeue bool
}

// ID returns 60 and 100.
func (*BasicRecoverAsync) ID() (class, method uint16) { return ClassBasic, 100 }

func (m *BasicRecoverAsync) arguments(c codec) codec { return c.bits(&m.Requeue) }

// BasicRecover requeues all unacknowledged deliveries of the channel.
type BasicRecover struct {
	Requeue bool
}

// ID returns 60 and 110.
func (*BasicRecover) ID() (class, method uint16) { return ClassBasic, 110 }

func (m *BasicRecover) arguments(c codec) codec { return c.bits(&m.Requeue) }

// BasicRecoverOk answers [BasicRecover].
type BasicRecoverOk struct{}

// ID returns 60 and 111.
func (*BasicRecoverOk) ID() (class, method uint16) { return ClassBasic, 111 }

func (*BasicRecoverOk) arguments(c codec) codec { return c }

// BasicNack refuses deliveries, or, from the server, a publish.
type BasicNack struct {
	DeliveryTag       uint64
	Multiple, Requeue bool
}

// ID returns 60 and 120.
func (*BasicNack) ID() (class, method uint16) { return ClassBasic, 120 }

func (m *BasicNack) arguments(c codec) codec {
	return c.longlong(&m.DeliveryTag).bits(&m.Multiple, &m.Requeue)
}
