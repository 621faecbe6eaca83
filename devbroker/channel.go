package devbroker

import (
	"strings"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// channel is one channel of a connection. The broker's mu guards it.
type channel struct {
	conn    *connection
	id      uint16
	number  uint64 // of all channels of the broker
	maxBody uint64 // the limit when it was opened
	closing bool   // we have said close: only close-ok is of interest

	incoming  *incoming // the message that is being received
	lastQueue string    // stands for an empty name of a queue
	replies   *queue    // of direct reply-to
	confirms  confirms
	tx        *transaction

	consumers map[string]*consumer
	unacked   unacked
	lastTag   uint64
	prefetch  int // for consumers to come; 0 for no limit
	shared    int // prefetch for the whole channel; 0 for no limit
	paused    bool
	slow      slowness
}

func newChannel(c *connection, id uint16) *channel {
	c.broker.channels++
	return &channel{
		conn: c, id: id, number: c.broker.channels, maxBody: uint64(c.broker.cfg.MaxMessageSize),
		consumers: map[string]*consumer{},
	}
}

func (ch *channel) broker() *Broker { return ch.conn.broker }

func (ch *channel) vhost() *vhost { return ch.conn.vhost }

// send sends a method on this channel.
func (ch *channel) send(m wire.Method) { ch.conn.out.method(ch.id, m) }

// answer sends a method, unless the client has said not to wait for it.
func (ch *channel) answer(noWait bool, m wire.Method) {
	if !noWait {
		ch.send(m)
	}
}

// handle does what a frame asks for. A *replyError that is not hard ends this channel
// alone; what is returned ends the connection.
func (ch *channel) handle(f wire.Frame) error {
	if ch.closing {
		return ch.awaitCloseOk(f)
	}
	err := ch.receive(f)
	reply := asReply(err)
	if reply == nil {
		return err
	}
	if reply.hard {
		if reply.code != frameError && reply.code != unexpectedFrame { // these RabbitMQ finds before the channel does
			ch.leaveClassic()
		}
		return err
	}
	ch.close(reply)
	return nil
}

func (ch *channel) receive(f wire.Frame) error {
	if in := ch.incoming; in != nil {
		return attribute(ch.receiveContent(f), in.method)
	}
	if f.Type != wire.FrameMethod {
		return refuse(unexpectedFrame, "expected method frame, got non method frame instead")
	}
	m, err := parseMethod(f)
	if err != nil {
		return err
	}
	return attribute(ch.dispatch(m), m)
}

// close ends the channel at the broker's wish.
func (ch *channel) close(reply *replyError) {
	ch.flushConfirms()
	ch.closing = true
	ch.release()
	ch.send(&wire.ChannelClose{
		ReplyCode: reply.code, ReplyText: reply.reply(), ClassID: reply.class, MethodID: reply.method,
	})
}

func (ch *channel) awaitCloseOk(f wire.Frame) error {
	if f.Type != wire.FrameMethod {
		return nil
	}
	m, err := wire.ParseMethod(f.Payload)
	if err != nil {
		return nil //nolint:nilerr // it was sent before the client learned of the end
	}
	switch m := m.(type) {
	case *wire.ChannelOpen:
		return attribute(refuse(channelError, "second 'channel.open' seen"), m)
	case *wire.ChannelClose:
		ch.send(&wire.ChannelCloseOk{})
	case *wire.ChannelCloseOk:
		delete(ch.conn.channels, ch.id)
	}
	return nil
}

// closedByClient ends the channel at the client's wish.
func (ch *channel) closedByClient() error {
	ch.release()
	ch.send(&wire.ChannelCloseOk{})
	delete(ch.conn.channels, ch.id)
	return nil
}

// release cancels the consumers and returns what was not acked.
func (ch *channel) release() {
	ch.end()
	ch.requeue(ch.unacked.takeAll(), lostChannel)
}

// end cancels the consumers.
func (ch *channel) end() {
	ch.slow.stop()
	for _, c := range ch.consumers {
		c.queue.removeConsumer(c)
	}
	clear(ch.consumers)
	ch.vhost().forgetPublisher(ch)
	ch.tx = nil
}

// leaveClassic ends what the channel has to do with classic queues. When an error of a
// channel closes the connection, RabbitMQ tells these queues before it closes the other
// channels, which can get what this one held. (Of a queue from which the channel has only
// got messages, RabbitMQ 4.3 does so most of the time.)
func (ch *channel) leaveClassic() {
	for tag, c := range ch.consumers {
		if c.queue.kind == classic {
			delete(ch.consumers, tag)
			c.queue.removeConsumer(c)
		}
	}
	ch.requeue(ch.unacked.takeIf(func(d *delivery) bool { return d.queue.kind == classic }), lostChannel)
}

// kick has the queues of this channel's consumers look whether they can deliver.
func (ch *channel) kick() {
	for _, c := range ch.consumers {
		c.queue.wake()
	}
}

// dispatch does what a method asks for.
func (ch *channel) dispatch(m wire.Method) error {
	switch m := m.(type) {
	case *wire.BasicPublish:
		return ch.basicPublish(m)
	case *wire.BasicAck:
		return ch.settle(settlement{tag: m.DeliveryTag, multiple: m.Multiple, verdict: acked})
	case *wire.BasicNack:
		return ch.settle(settlement{tag: m.DeliveryTag, multiple: m.Multiple, verdict: verdictOf(m.Requeue, nacked)})
	case *wire.BasicReject:
		return ch.settle(settlement{tag: m.DeliveryTag, verdict: verdictOf(m.Requeue, returned)})
	case *wire.ChannelClose:
		return ch.closedByClient()
	case *wire.ChannelCloseOk:
		return nil
	case *wire.ChannelFlow:
		return ch.channelFlow(m)
	case *wire.ChannelOpen:
		return refuse(channelError, "second 'channel.open' seen")
	case *wire.AccessRequest:
		ch.send(&wire.AccessRequestOk{Ticket: 1})
		return nil
	case *wire.ConfirmSelect:
		return ch.confirmSelect(m)
	case *wire.TxSelect:
		return ch.txSelect()
	case *wire.TxCommit:
		return ch.txCommit()
	case *wire.TxRollback:
		return ch.txRollback()
	}
	ch.flushConfirms()
	return ch.dispatchTopology(m)
}

// dispatchTopology does what methods about exchanges and queues ask for.
func (ch *channel) dispatchTopology(m wire.Method) error {
	switch m := m.(type) {
	case *wire.ExchangeDeclare:
		stripLines(&m.Exchange)
		return ch.exchangeDeclare(m)
	case *wire.ExchangeDelete:
		stripLines(&m.Exchange)
		return ch.exchangeDelete(m)
	case *wire.ExchangeBind:
		stripLines(&m.Source, &m.Destination)
		return ch.exchangeBind(m)
	case *wire.ExchangeUnbind:
		stripLines(&m.Source, &m.Destination)
		return ch.exchangeUnbind(m)
	case *wire.QueueDeclare:
		stripLines(&m.Queue)
		return ch.queueDeclare(m)
	case *wire.QueueBind:
		stripLines(&m.Queue, &m.Exchange)
		return ch.queueBind(m)
	case *wire.QueueUnbind:
		stripLines(&m.Queue, &m.Exchange)
		return ch.queueUnbind(m)
	case *wire.QueuePurge:
		return ch.queuePurge(m)
	case *wire.QueueDelete:
		stripLines(&m.Queue)
		return ch.queueDelete(m)
	}
	return ch.dispatchConsuming(m)
}

// lineBreaks are what RabbitMQ strips from names that are declared, bound and deleted.
var lineBreaks = strings.NewReplacer("\r", "", "\n", "")

func stripLines(names ...*string) {
	for _, name := range names {
		*name = lineBreaks.Replace(*name)
	}
}

// dispatchConsuming does what methods about consumers ask for.
func (ch *channel) dispatchConsuming(m wire.Method) error {
	switch m := m.(type) {
	case *wire.BasicQos:
		return ch.basicQos(m)
	case *wire.BasicConsume:
		return ch.basicConsume(m)
	case *wire.BasicCancel:
		return ch.basicCancel(m)
	case *wire.BasicCancelOk:
		return nil // to a cancel of ours
	case *wire.BasicGet:
		return ch.basicGet(m)
	case *wire.BasicRecover:
		return ch.basicRecover(m.Requeue, true)
	case *wire.BasicRecoverAsync:
		return ch.basicRecover(m.Requeue, false)
	}
	return refuse(commandInvalid, "unimplemented method")
}

// channelFlow stops or starts deliveries at the client's wish; RabbitMQ does not
// support stopping.
func (ch *channel) channelFlow(m *wire.ChannelFlow) error {
	if !m.Active {
		return refuse(notImplemented, "active=false")
	}
	ch.send(&wire.ChannelFlowOk{Active: true})
	return nil
}
