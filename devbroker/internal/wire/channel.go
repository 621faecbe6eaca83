package wire

var channelRows = [...]row{
	10: {"channel.open", create[ChannelOpen]},
	11: {"channel.open-ok", create[ChannelOpenOk]},
	20: {"channel.flow", create[ChannelFlow]},
	21: {"channel.flow-ok", create[ChannelFlowOk]},
	40: {"channel.close", create[ChannelClose]},
	41: {"channel.close-ok", create[ChannelCloseOk]},
}

// ChannelOpen opens the channel that it arrives on.
type ChannelOpen struct{}

// ID returns 20 and 10.
func (*ChannelOpen) ID() (class, method uint16) { return ClassChannel, 10 }

func (*ChannelOpen) arguments(c codec) codec { return c.reservedText() }

// ChannelOpenOk answers [ChannelOpen].
type ChannelOpenOk struct{}

// ID returns 20 and 11.
func (*ChannelOpenOk) ID() (class, method uint16) { return ClassChannel, 11 }

func (*ChannelOpenOk) arguments(c codec) codec { return c.reservedLongstr() }

// ChannelFlow stops and starts the flow of deliveries.
type ChannelFlow struct {
	Active bool
}

// ID returns 20 and 20.
func (*ChannelFlow) ID() (class, method uint16) { return ClassChannel, 20 }

func (m *ChannelFlow) arguments(c codec) codec { return c.bits(&m.Active) }

// ChannelFlowOk answers [ChannelFlow].
type ChannelFlowOk struct {
	Active bool
}

// ID returns 20 and 21.
func (*ChannelFlowOk) ID() (class, method uint16) { return ClassChannel, 21 }

func (m *ChannelFlowOk) arguments(c codec) codec { return c.bits(&m.Active) }

// ChannelClose closes the channel and gives the reason. ClassID and MethodID identify the
// method that caused the error, or are 0.
type ChannelClose struct {
	ReplyCode         uint16
	ReplyText         string
	ClassID, MethodID uint16
}

// ID returns 20 and 40.
func (*ChannelClose) ID() (class, method uint16) { return ClassChannel, 40 }

func (m *ChannelClose) arguments(c codec) codec {
	return c.short(&m.ReplyCode).text(&m.ReplyText).short(&m.ClassID).short(&m.MethodID)
}

// ChannelCloseOk answers [ChannelClose].
type ChannelCloseOk struct{}

// ID returns 20 and 41.
func (*ChannelCloseOk) ID() (class, method uint16) { return ClassChannel, 41 }

func (*ChannelCloseOk) arguments(c codec) codec { return c }

var accessRows = [...]row{
	10: {"access.request", create[AccessRequest]},
	11: {"access.request-ok", create[AccessRequestOk]},
}

// AccessRequest is a method of AMQP 0-8 that RabbitMQ still answers.
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
