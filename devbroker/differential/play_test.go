package differential_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// probe is the channel on which queues are looked at, beside the channels of the steps.
const probe = 9

// player plays a sequence on one broker and writes down what is seen.
type player struct {
	sequence
	clients [2]*client
	ending  string
	pause   time.Duration // between two looks at a broker that should be at rest
	lines   []string
}

// play returns what is seen of each step. A longer pause gives a slow broker more time.
func play(dial dialer, s sequence, pause time.Duration) ([]string, error) {
	p := &player{sequence: s, ending: "-" + strings.ToLower(rand.Text()[:8]), pause: pause}
	for i := range p.clients {
		c, err := newClient(dial, p.ending)
		if err != nil {
			return nil, err
		}
		defer c.close()
		p.clients[i] = c
		for _, channel := range []uint16{1, 2, probe} {
			p.open(c, channel)
		}
	}
	for i, st := range s.steps {
		p.lines = append(p.lines, fmt.Sprintf("%d. %v", i+1, st))
		p.lines = append(p.lines, "   "+strings.ReplaceAll(p.do(st), p.ending, ""))
		p.settle()
		if p.lost() {
			break
		}
	}
	return p.lines, clean(dial, p.ending)
}

func (p *player) open(c *client, channel uint16) {
	c.send(channel, &wire.ChannelOpen{})
	c.await(channel)
	if channel != probe {
		c.send(channel, &wire.ConfirmSelect{})
		c.await(channel)
	}
}

// at returns the name on the wire.
func (p *player) at(name string) string {
	if name == "" {
		return ""
	}
	return name + p.ending
}

// do does a step and says what the broker replies.
func (p *player) do(s step) string {
	c := p.clients[s.conn]
	if m := p.method(s); m != nil {
		c.send(s.channel, m)
		return p.outcome(c, s.channel)
	}
	switch s.op {
	case "publish":
		return p.publish(c, s)
	case "close channel":
		c.send(s.channel, &wire.ChannelClose{ReplyCode: 200})
		c.mu.Lock()
		c.held[s.channel] = nil
		c.mu.Unlock()
		reply := p.outcome(c, s.channel)
		p.open(c, s.channel)
		return reply
	}
	return p.settleHeld(c, s)
}

// method returns the method of a step that has a reply.
func (p *player) method(s step) wire.Method {
	switch s.op {
	case "declare queue":
		return p.declaration(s)
	case "declare exchange":
		return &wire.ExchangeDeclare{Exchange: p.at(s.a), Type: p.kind[s.a], Durable: true}
	case "bind":
		return &wire.QueueBind{Queue: p.at(s.a), Exchange: p.at(s.b), RoutingKey: s.text}
	case "unbind":
		return &wire.QueueUnbind{Queue: p.at(s.a), Exchange: p.at(s.b), RoutingKey: s.text}
	case "bind exchange":
		return &wire.ExchangeBind{Destination: p.at(s.a), Source: p.at(s.b), RoutingKey: s.text}
	case "unbind exchange":
		return &wire.ExchangeUnbind{Destination: p.at(s.a), Source: p.at(s.b), RoutingKey: s.text}
	case "get":
		return &wire.BasicGet{Queue: p.at(s.a)}
	case "consume":
		return &wire.BasicConsume{Queue: p.at(s.a), ConsumerTag: s.b}
	case "cancel":
		return &wire.BasicCancel{ConsumerTag: s.b}
	case "qos":
		return &wire.BasicQos{PrefetchCount: uint16(s.n % 4)}
	case "purge":
		return &wire.QueuePurge{Queue: p.at(s.a)}
	case "delete queue":
		return &wire.QueueDelete{Queue: p.at(s.a)}
	case "delete exchange":
		return &wire.ExchangeDelete{Exchange: p.at(s.a), IfUnused: s.flag}
	case "look":
		return &wire.QueueDeclare{Queue: p.at(s.a), Passive: true}
	case "recover":
		c := p.clients[s.conn]
		c.mu.Lock()
		c.held[s.channel] = nil
		c.mu.Unlock()
		return &wire.BasicRecover{Requeue: true}
	}
	return nil
}

// declaration declares a queue, one time in twelve with an argument too many.
func (p *player) declaration(s step) wire.Method {
	args := p.queue[s.a].Clone()
	for _, name := range []string{"x-dead-letter-exchange", "x-dead-letter-routing-key"} {
		v, _ := args.Get(name)
		if text, ok := v.(string); ok {
			args = args.Set(name, p.at(text))
		}
	}
	if s.n == 11 {
		args = args.Set("x-expires", int32(3600000))
	}
	return &wire.QueueDeclare{Queue: p.at(s.a), Durable: true, Arguments: args}
}

// publish sends a message and says how it is confirmed.
func (p *player) publish(c *client, s step) string {
	m := &wire.BasicPublish{Exchange: p.at(s.a), RoutingKey: s.b, Mandatory: s.flag}
	if s.a == "" {
		m.RoutingKey = p.at(s.b)
	}
	props := wire.Properties{Present: wire.HasDeliveryMode, DeliveryMode: 2}
	if s.n < 8 {
		props.Present |= wire.HasPriority
		props.Priority = uint8(s.n)
	}
	if s.n == 9 {
		props.Present |= wire.HasExpiration
		props.Expiration = "0"
	}
	c.publish(s.channel, m, props, s.text)
	return p.outcome(c, s.channel)
}

// settleHeld acks or refuses a delivery that the channel holds. It has no reply.
func (p *player) settleHeld(c *client, s step) string {
	if s.op == "ack all" || s.op == "nack all" {
		c.mu.Lock()
		n := len(c.held[s.channel])
		c.held[s.channel] = nil
		c.mu.Unlock()
		if s.op == "ack all" {
			c.send(s.channel, &wire.BasicAck{Multiple: true})
		} else {
			c.send(s.channel, &wire.BasicNack{Multiple: true, Requeue: s.flag})
		}
		return fmt.Sprintf("%d settled", n)
	}
	h, ok := c.pick(s.channel, s.n)
	if !ok {
		return "nothing held"
	}
	switch s.op {
	case "ack":
		c.send(s.channel, &wire.BasicAck{DeliveryTag: h.tag})
	case "nack":
		c.send(s.channel, &wire.BasicNack{DeliveryTag: h.tag, Requeue: s.flag})
	case "reject":
		c.send(s.channel, &wire.BasicReject{DeliveryTag: h.tag, Requeue: s.flag})
	}
	return h.body
}

// outcome says what the reply is. A channel that is closed is opened again.
func (p *player) outcome(c *client, channel uint16) string {
	switch m := c.await(channel).(type) {
	case nil:
		return "no reply"
	case *wire.ChannelClose:
		c.send(channel, &wire.ChannelCloseOk{})
		p.open(c, channel)
		return fmt.Sprintf("closed: %d %s", m.ReplyCode, m.ReplyText)
	case *wire.BasicAck:
		return "confirmed"
	case *wire.BasicNack:
		return "nacked"
	case *wire.QueueDeclareOk:
		return fmt.Sprintf("queue has %d messages, %d consumers", m.MessageCount, m.ConsumerCount)
	case *wire.QueuePurgeOk:
		return fmt.Sprintf("%d purged", m.MessageCount)
	case *wire.QueueDeleteOk:
		return fmt.Sprintf("%d deleted", m.MessageCount)
	default:
		return wire.MethodName(m.ID())
	}
}

// settle waits until the broker is at rest: nothing comes and no count changes from one
// look to the next, between which each channel and each queue has been asked. Then it
// writes down what has come.
func (p *player) settle() {
	before, arrived := "", -1
	for range 50 {
		p.flush()
		counts := p.counts()
		p.flush()
		if n := p.clients[0].arrived() + p.clients[1].arrived(); counts != before || n != arrived {
			before, arrived = counts, n
			<-time.After(p.pause) // brokers pass credit between processes that no reply waits for
			continue
		}
		break
	}
	if p.lost() {
		before = "a connection is lost" // what the other sees depends on when it looks
	}
	p.lines = append(p.lines, "   "+before)
	for i, c := range p.clients {
		for _, line := range c.takeSeen() {
			p.lines = append(p.lines, fmt.Sprintf("   connection %d %s", i, line))
		}
	}
}

// flush asks each channel for a reply that waits for all that the channel did before.
func (p *player) flush() {
	for _, c := range p.clients {
		for channel := range uint16(2) {
			c.send(channel+1, &wire.BasicCancel{ConsumerTag: "none"})
		}
	}
	for _, c := range p.clients {
		for channel := range uint16(2) {
			if outcome := p.outcome(c, channel+1); outcome != "no reply" && outcome != "basic.cancel-ok" {
				p.lines = append(p.lines, fmt.Sprintf("   channel %d %s", channel+1, strings.ReplaceAll(outcome, p.ending, "")))
			}
		}
	}
}

// counts returns the messages and consumers of each queue.
func (p *player) counts() string {
	var all []string
	for i := range 3 {
		name := fmt.Sprintf("q%d", i)
		c := p.clients[0]
		c.send(probe, &wire.QueueDeclare{Queue: p.at(name), Passive: true})
		outcome := p.outcome(c, probe)
		if strings.HasPrefix(outcome, "closed: 404") {
			outcome = "missing"
		}
		all = append(all, name+": "+strings.ReplaceAll(outcome, p.ending, ""))
	}
	return strings.Join(all, "; ")
}

// lost reports whether the broker has closed a connection, which ends a play.
func (p *player) lost() bool {
	for _, c := range p.clients {
		select {
		case <-c.done:
			return true
		default:
		}
	}
	return false
}

// clean deletes what a play has declared.
func clean(dial dialer, ending string) error {
	c, err := newClient(dial, ending)
	if err != nil {
		return err
	}
	defer c.close()
	c.send(probe, &wire.ChannelOpen{})
	c.await(probe)
	for i := range 3 {
		c.send(probe, &wire.QueueDelete{Queue: fmt.Sprintf("q%d", i) + ending})
		c.await(probe)
	}
	for i := range 2 {
		c.send(probe, &wire.ExchangeDelete{Exchange: fmt.Sprintf("x%d", i) + ending})
		c.await(probe)
	}
	return nil
}

// difference returns the first line in which two plays differ; "" if there is none.
func difference(got, want []string) string {
	if slices.Equal(got, want) {
		return ""
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("devbroker: %s\nbroker:    %s", got[i], want[i])
		}
	}
	return "one saw more than the other"
}
