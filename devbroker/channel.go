package devbroker

import (
	"strings"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// channel is one channel of a connection. The broker's mu guards it.
type channel struct {
	conn    *connection
	id      uint16
	number  uint64 // sequence number among all channels of the broker
	maxBody uint64 // body size limit at the time the channel was opened
	closing bool   // the broker has sent close and ignores everything but close-ok

	incoming  *incoming // the message that is being received
	lastQueue string    // queue to use when a method leaves the name empty
	replies   *queue    // queue of direct reply-to
	confirms  confirms
	tx        *transaction

	consumers map[string]*consumer
	unacked   unacked
	lastTag   uint64
	prefetch  int // for consumers started later; 0 for no limit
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

// answer sends a method unless the client has set no-wait.
func (ch *channel) answer(noWait bool, m wire.Method) {
	if !noWait {
		ch.send(m)
	}
}

// handle handles a frame. A *replyError that is not hard closes only this channel. An
// error that handle returns closes the connection.
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
		if reply.code != frameError && reply.code != unexpectedFrame { // RabbitMQ detects these two before the channel process
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

// close closes the channel on behalf of the broker.
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
		return nil //nolint:nilerr // the client sent it before it received close
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

// closedByClient closes the channel on behalf of the client.
func (ch *channel) closedByClient() error {
	ch.release()
	ch.send(&wire.ChannelCloseOk{})
	delete(ch.conn.channels, ch.id)
	return nil
}

// release cancels the consumers and requeues the unacknowledged messages.
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

// leaveClassic removes the channel's consumers of classic queues and requeues the channel's
// unacknowledged messages from these queues. When an error of a channel closes the
// connection, RabbitMQ notifies these queues before it closes the other channels, so the
// other channels can receive the messages that this channel held. (For a queue that the
// channel has used only with basic.get, RabbitMQ 4.3 does so most of the time.)
func (ch *channel) leaveClassic() {
	for tag, c := range ch.consumers {
		if c.queue.kind == classic {
			delete(ch.consumers, tag)
			c.queue.removeConsumer(c)
		}
	}
	ch.requeue(ch.unacked.takeIf(func(d *delivery) bool { return d.queue.kind == classic }), lostChannel)
}

// kick wakes the queues of this channel's consumers, so that they deliver what they can.
func (ch *channel) kick() {
	for _, c := range ch.consumers {
		c.queue.wake()
	}
}

// dispatch executes a method.
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

// dispatchTopology executes methods for exchanges and queues.
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

// lineBreaks removes the line breaks that RabbitMQ strips from names in declare, bind and
// delete.
var lineBreaks = strings.NewReplacer("\r", "", "\n", "")

func stripLines(names ...*string) {
	for _, name := range names {
		*name = lineBreaks.Replace(*name)
	}
}

// dispatchConsuming executes methods for consumers.
func (ch *channel) dispatchConsuming(m wire.Method) error {
	switch m := m.(type) {
	case *wire.BasicQos:
		return ch.basicQos(m)
	case *wire.BasicConsume:
		return ch.basicConsume(m)
	case *wire.BasicCancel:
		return ch.basicCancel(m)
	case *wire.BasicCancelOk:
		return nil // answers a cancel sent by the broker
	case *wire.BasicGet:
		return ch.basicGet(m)
	case *wire.BasicRecover:
		return ch.basicRecover(m.Requeue, true)
	case *wire.BasicRecoverAsync:
		return ch.basicRecover(m.Requeue, false)
	}
	return refuse(commandInvalid, "unimplemented method")
}

// channelFlow stops or starts deliveries on the client's request. RabbitMQ does not
// support stopping.
func (ch *channel) channelFlow(m *wire.ChannelFlow) error {
	if !m.Active {
		return refuse(notImplemented, "active=false")
	}
	ch.send(&wire.ChannelFlowOk{Active: true})
	return nil
}
