package devbroker

import "github.com/warren-mq/warren/devbroker/internal/wire"

// incoming is a message that is being received.
type incoming struct {
	method     *wire.BasicPublish
	properties []byte
	body       []byte
	size       uint64 // size of the body as announced, in bytes
	received   uint64
	begun      bool // the content header has arrived
}

// publication is a completely received message.
type publication struct {
	exchange  *exchange
	message   *message
	mandatory bool
}

func (ch *channel) basicPublish(m *wire.BasicPublish) error {
	ch.incoming = &incoming{method: m}
	return nil
}

// receiveContent handles the frames that follow basic.publish.
func (ch *channel) receiveContent(f wire.Frame) error {
	in := ch.incoming
	if !in.begun {
		if err := in.begin(f); err != nil {
			return err
		}
		ch.conn.publishes()
	} else if err := in.add(f, ch); err != nil {
		return err
	}
	if in.received != in.size {
		return nil
	}
	ch.incoming = nil
	return ch.publish(in)
}

func (in *incoming) begin(f wire.Frame) error {
	if f.Type != wire.FrameHeader {
		return refuse(unexpectedFrame, "expected content header for class 60, got non content header frame instead")
	}
	header, err := wire.ParseHeader(f.Payload)
	if err != nil {
		return refuse(syntaxError, "%v", err)
	}
	if header.Weight != 0 {
		return refuse(unexpectedFrame, "expected content header for class 60, got non content header frame instead")
	}
	if header.Class != basicClass {
		return refuse(unexpectedFrame, "expected content header for class 60, got one for class %d instead", header.Class)
	}
	in.begun, in.size = true, header.BodySize
	in.properties = append(in.properties, header.Properties...)
	in.body = make([]byte, 0, min(header.BodySize, 64<<10)) // the announced size is unverified
	return nil
}

// add appends a piece of the body. If the body is too large, its bytes are only counted.
func (in *incoming) add(f wire.Frame, ch *channel) error {
	if f.Type != wire.FrameBody {
		return refuse(unexpectedFrame, "expected content body, got non content body frame instead")
	}
	in.received += uint64(len(f.Payload))
	if in.received > in.size && ch.broker().gen.measuresBodies {
		return refuse(frameError, "content body frame exceeds remaining content size")
	}
	if in.received <= min(in.size, ch.maxBody) {
		in.body = append(in.body, f.Payload...)
	}
	return nil
}

// publish checks a complete message and distributes it, or keeps it until the
// transaction commits.
func (ch *channel) publish(in *incoming) error {
	x, m, err := ch.check(in)
	if err != nil {
		return err
	}
	p := publication{exchange: x, message: m, mandatory: in.method.Mandatory}
	if ch.tx != nil {
		ch.tx.published = append(ch.tx.published, p)
		return nil
	}
	if ch.confirms.on {
		ch.confirms.published++
	}
	fault := ch.strike(OnPublish, x.name)
	switch {
	case fault.drops():
		ch.conn.drop()
	case fault.refuses():
		ch.confirm(false, nil)
	case fault != nil:
		ch.confirm(false, fault)
	default:
		accepted := ch.distribute(p)
		ch.confirm(accepted, ch.strike(OnConfirm, x.name))
	}
	return nil
}

func (ch *channel) check(in *incoming) (*exchange, *message, error) {
	p := in.method
	if in.size > ch.maxBody {
		return nil, nil, refuse(preconditionFailed,
			"message size %d is larger than configured max size %d", in.size, ch.maxBody)
	}
	if err := ch.conn.account.check(write, "exchange", p.Exchange, ch.vhost().name); err != nil {
		return nil, nil, err
	}
	x, err := ch.vhost().exchange(p.Exchange)
	if err != nil {
		return nil, nil, err
	}
	if x.internal {
		return nil, nil, refuse(accessRefused, "cannot publish to internal exchange '%s' in vhost '%s'", x.name, x.vhost.name)
	}
	m, err := newMessage(p, in.properties, in.body)
	if err != nil {
		return nil, nil, err
	}
	if mode := m.parsed.DeliveryMode; ch.broker().gen.checksMode && mode > 2 {
		return nil, nil, refuse(preconditionFailed, "invalid message: {delivery_mode_unknown,%d}", mode)
	}
	if p.Immediate {
		return nil, nil, refuse(notImplemented, "immediate=true")
	}
	if m.parsed.Present&wire.HasUserID != 0 && m.parsed.UserID != ch.conn.account.Name {
		return nil, nil, refuse(preconditionFailed, "user_id property set to '%s' but authenticated user was '%s'",
			m.parsed.UserID, ch.conn.account.Name)
	}
	if h := m.headers(); ch.broker().gen.sortsHeaders && !h.Sorted() {
		m.setHeaders(h.Sort())
	}
	return x, m, ch.nameReplies(m)
}

// distribute publishes a message to its queues. It returns false if one of them refuses the
// message. A mandatory message that reaches no queue is returned to the client; see unrouted.
func (ch *channel) distribute(p publication) bool {
	queues := p.exchange.route(p.message)
	if p.mandatory && ch.unrouted(p.message, len(queues)) {
		ch.conn.out.content(ch.id, &wire.BasicReturn{
			ReplyCode: noRoute, ReplyText: replyNames[noRoute],
			Exchange: p.message.exchange, RoutingKey: p.message.key,
		}, p.message.properties, p.message.body)
	}
	accepted := true
	for _, q := range queues {
		accepted = q.publish(p.message, ch) && accepted
	}
	return accepted
}
