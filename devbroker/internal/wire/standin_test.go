package wire_test

import (
	"net"
	"testing"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// standIn answers a client as a server would, without doing anything. It keeps what
// the client says, and gives the one message back that it publishes.
type standIn struct {
	t    *testing.T
	conn net.Conn
	in   *wire.Reader
	done chan struct{} // closed when the connection is

	got              []wire.Method
	properties, body []byte
	size             uint64 // of the body, complete
}

const frameMax = 4096

func (s *standIn) serve() {
	defer close(s.done)
	if _, err := s.in.ProtocolHeader(); err != nil {
		s.t.Error(err)
		return
	}
	s.send(wire.AppendMethod(nil, 0, &wire.ConnectionStart{
		VersionMinor: 9, ServerProperties: wire.Table{{"product", "stand-in"}}, Mechanisms: "PLAIN AMQPLAIN", Locales: "en_US",
	}))
	for {
		f, err := s.in.Next()
		if err != nil {
			return // the client has closed its end
		}
		s.take(f)
	}
}

func (s *standIn) take(f wire.Frame) {
	switch f.Type {
	case wire.FrameMethod:
		m, err := wire.ParseMethod(f.Payload)
		if err != nil {
			s.t.Error(err)
			return
		}
		s.got = append(s.got, m)
		s.answer(f.Channel, m)
	case wire.FrameHeader:
		h, err := wire.ParseHeader(f.Payload)
		if err != nil || h.Class != wire.ClassBasic {
			s.t.Errorf("class %d, error %v", h.Class, err)
		}
		s.properties, s.size = append(s.properties, h.Properties...), h.BodySize
	case wire.FrameBody:
		if s.body = append(s.body, f.Payload...); uint64(len(s.body)) == s.size {
			s.published(f.Channel)
		}
	}
}

func (s *standIn) answer(channel uint16, m wire.Method) {
	switch m := m.(type) {
	case *wire.BasicPublish, *wire.BasicAck, *wire.BasicNack, *wire.BasicReject, *wire.ConnectionTuneOk:
		return
	case *wire.BasicGet:
		if m.Queue != "empty" {
			s.send(s.content(channel, &wire.BasicGetOk{DeliveryTag: 2, Exchange: "e", RoutingKey: "key", MessageCount: 8}))
			return
		}
	}
	s.send(wire.AppendMethod(nil, channel, reply(m)))
}

// reply returns the method that answers m.
func reply(m wire.Method) wire.Method {
	switch m := m.(type) {
	case *wire.ConnectionStartOk:
		return &wire.ConnectionTune{ChannelMax: 100, FrameMax: frameMax}
	case *wire.ChannelFlow:
		return &wire.ChannelFlowOk{Active: m.Active}
	case *wire.ExchangeUnbind:
		return &wire.ExchangeUnbindOk{}
	case *wire.QueueDeclare:
		return &wire.QueueDeclareOk{Queue: "amq.gen-1", MessageCount: 3, ConsumerCount: 5}
	case *wire.QueuePurge:
		return &wire.QueuePurgeOk{MessageCount: 7}
	case *wire.QueueDelete:
		return &wire.QueueDeleteOk{MessageCount: 9}
	case *wire.BasicConsume:
		return &wire.BasicConsumeOk{ConsumerTag: m.ConsumerTag}
	case *wire.BasicCancel:
		return &wire.BasicCancelOk{ConsumerTag: m.ConsumerTag}
	case *wire.BasicGet:
		return &wire.BasicGetEmpty{}
	}
	class, method := m.ID()
	return wire.NewMethod(class, method+1)
}

// published returns the message, confirms it and delivers it.
func (s *standIn) published(channel uint16) {
	s.send(s.content(channel, &wire.BasicReturn{ReplyCode: 312, ReplyText: "NO_ROUTE", Exchange: "e", RoutingKey: "key"}))
	s.send(wire.AppendMethod(nil, channel, &wire.BasicAck{DeliveryTag: 1}))
	s.send(s.content(channel, &wire.BasicDeliver{
		ConsumerTag: "tag", DeliveryTag: 1 << 40, Redelivered: true, Exchange: "e", RoutingKey: "key",
	}))
}

func (s *standIn) content(channel uint16, m wire.Method) []byte {
	return wire.AppendContent(wire.AppendMethod(nil, channel, m), channel, wire.ClassBasic, s.properties, s.body, frameMax)
}

func (s *standIn) send(b []byte) {
	if _, err := s.conn.Write(b); err != nil {
		s.t.Error(err)
	}
}
