package devbroker_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
)

// TestFaultsOfPublishing publishes a message with a fault on its way.
func TestFaultsOfPublishing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault   devbroker.Fault
		confirm string // what the publisher hears within an hour
		stored  int    // messages
	}{
		"a publish is swallowed: no message, no confirm":     {devbroker.Fault{On: devbroker.OnPublish}, "nothing", 0},
		"a publish is refused: no message, a nack":           {devbroker.Fault{On: devbroker.OnPublish, Do: devbroker.Refuse}, "nack after 0s", 0},
		"the connection is cut before the message is stored": {devbroker.Fault{On: devbroker.OnPublish, Do: devbroker.Drop}, "connection lost", 0},
		"a confirm is swallowed: the message is there":       {devbroker.Fault{On: devbroker.OnConfirm}, "nothing", 1},
		"a confirm is turned into a nack: a message all the same": {
			devbroker.Fault{On: devbroker.OnConfirm, Do: devbroker.Refuse}, "nack after 0s", 1,
		},
		"the connection is cut once the message is stored": {devbroker.Fault{On: devbroker.OnConfirm, Do: devbroker.Drop}, "connection lost", 1},
		"a confirm comes late":                             {devbroker.Fault{On: devbroker.OnConfirm, Delay: time.Minute}, "ack after 1m0s", 1},
		"a fault of another exchange":                      {devbroker.Fault{On: devbroker.OnPublish, Name: "amq.topic"}, "ack after 0s", 1},
		"a fault of the exchange":                          {devbroker.Fault{On: devbroker.OnPublish, Name: "amq.fanout"}, "nothing", 0},
		"a fault of deliveries":                            {devbroker.Fault{On: devbroker.OnDeliver}, "ack after 0s", 1},
		"a fault of acks":                                  {devbroker.Fault{On: devbroker.OnAck}, "ack after 0s", 1},
		"a fault that strikes later":                       {devbroker.Fault{On: devbroker.OnPublish, Skip: 1}, "ack after 0s", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
				c := connect(t, b)
				c.declare("q", nil)
				c.must(c.QueueBind("q", "", "amq.fanout", false, nil))
				b.Inject(tt.fault)
				check(t, "the publisher hears", c.hears(c.send("amq.fanout", "", "1")), tt.confirm)
				check(t, "messages", queue(b, "q").Ready, tt.stored)
			})
		})
	}
}

// hears tells what becomes of a confirm within an hour.
func (c *client) hears(confirm *amqp.DeferredConfirmation) string {
	start := time.Now()
	select {
	case <-confirm.Done():
	case <-time.After(time.Hour):
		return "nothing"
	}
	synctest.Wait()
	switch {
	case len(c.lost) > 0 || c.conn.IsClosed():
		return "connection lost"
	case confirm.Acked():
		return fmt.Sprintf("ack after %v", time.Since(start))
	}
	return fmt.Sprintf("nack after %v", time.Since(start))
}

// TestFaultsOfConsuming delivers a message, which is acked if it comes, with a fault on
// its way; what the consumer sees, and what is left when its connection is closed.
func TestFaultsOfConsuming(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault devbroker.Fault
		sees  string
		left  int // messages in the end
	}{
		"a delivery is swallowed: the message comes again":         {devbroker.Fault{On: devbroker.OnDeliver}, "nothing", 1},
		"the connection is cut with a delivery":                    {devbroker.Fault{On: devbroker.OnDeliver, Do: devbroker.Drop}, "connection lost", 1},
		"an ack is swallowed: the message comes again":             {devbroker.Fault{On: devbroker.OnAck}, "a message", 1},
		"the connection is cut with an ack":                        {devbroker.Fault{On: devbroker.OnAck, Do: devbroker.Drop}, "connection lost", 1},
		"an ack comes late, but before the connection ends":        {devbroker.Fault{On: devbroker.OnAck, Delay: time.Minute}, "a message", 0},
		"an ack comes too late: the connection has ended":          {devbroker.Fault{On: devbroker.OnAck, Delay: 2 * time.Hour}, "a message", 1},
		"a fault of another queue":                                 {devbroker.Fault{On: devbroker.OnAck, Name: "p"}, "a message", 0},
		"a fault of the queue":                                     {devbroker.Fault{On: devbroker.OnAck, Name: "q"}, "a message", 1},
		"a fault that strikes later":                               {devbroker.Fault{On: devbroker.OnDeliver, Skip: 1}, "a message", 0},
		"a fault of publishing":                                    {devbroker.Fault{On: devbroker.OnPublish}, "a message", 0},
		"a fault of confirms":                                      {devbroker.Fault{On: devbroker.OnConfirm}, "a message", 0},
		"a message that comes once more: the fault struck one ack": {devbroker.Fault{On: devbroker.OnAck, Times: 1}, "a message", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
				other, c := connect(t, b), connect(t, b)
				other.declare("q", nil)
				other.put("q", "1")
				b.Inject(tt.fault)
				check(t, "the consumer sees", c.acksOne("q"), tt.sees)
				_ = c.conn.Close() // it may have been cut
				synctest.Wait()
				check(t, "left", queue(b, "q").Ready, tt.left)
				if tt.left > 0 {
					check(t, "it comes again", other.pull().Redelivered, true)
				}
			})
		})
	}
}

// acksOne consumes and acks for an hour, and says what it saw.
func (c *client) acksOne(queue string) string {
	saw := "nothing"
	deliveries, err := c.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return "connection lost" // with the first delivery, which came with the answer
	}
	hour := time.After(time.Hour)
	for {
		select {
		case d, ok := <-deliveries:
			if !ok {
				return "connection lost"
			}
			saw = "a message"
			_ = d.Ack(false) // what became of it is seen from the inside
		case <-hour:
			return saw
		}
	}
}

// TestFaultsStrike lets faults strike some of ten publishes, a letter for each: y it
// came through, n it was refused.
func TestFaultsStrike(t *testing.T) {
	t.Parallel()
	refuse := func(skip, times int) devbroker.Fault {
		return devbroker.Fault{On: devbroker.OnPublish, Do: devbroker.Refuse, Skip: skip, Times: times}
	}
	for name, tt := range map[string]struct {
		faults []devbroker.Fault
		want   string
	}{
		"never, if there are none":             {nil, "yyyyyyyyyy"},
		"always":                               {[]devbroker.Fault{refuse(0, 0)}, "nnnnnnnnnn"},
		"once":                                 {[]devbroker.Fault{refuse(0, 1)}, "nyyyyyyyyy"},
		"three times":                          {[]devbroker.Fault{refuse(0, 3)}, "nnnyyyyyyy"},
		"from the fifth on":                    {[]devbroker.Fault{refuse(4, 0)}, "yyyynnnnnn"},
		"the fifth":                            {[]devbroker.Fault{refuse(4, 1)}, "yyyynyyyyy"},
		"the third and the fifth, one by one":  {[]devbroker.Fault{refuse(2, 1), refuse(3, 1)}, "yynynyyyyy"},
		"by two at once, which strike in turn": {[]devbroker.Fault{refuse(0, 2), refuse(0, 2)}, "nnnnyyyyyy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := pipe(t, devbroker.Config{})
			c := connect(t, b)
			c.declare("q", nil)
			for _, f := range tt.faults {
				b.Inject(f)
			}
			check(t, "ten publishes", c.publishTen(), tt.want)
		})
	}
}

func (c *client) publishTen() string {
	var saw strings.Builder
	for range 10 {
		if c.send("", "q", "").Wait() {
			saw.WriteString("y")
		} else {
			saw.WriteString("n")
		}
	}
	return saw.String()
}

func TestAFaultIsRemoved(t *testing.T) {
	t.Parallel()
	b := pipe(t, devbroker.Config{})
	c := connect(t, b)
	c.declare("q", nil)
	refuse := devbroker.Fault{On: devbroker.OnPublish, Do: devbroker.Refuse}
	first, second := b.Inject(refuse), b.Inject(refuse)
	check(t, "with two", c.publishTen(), "nnnnnnnnnn")
	first()
	first()
	check(t, "with one", c.publishTen(), "nnnnnnnnnn")
	second()
	check(t, "with none", c.publishTen(), "yyyyyyyyyy")
	refuse.Times = 1
	third := b.Inject(refuse)
	check(t, "with a last one", c.publishTen(), "nyyyyyyyyy")
	third()
	check(t, "without it", c.publishTen(), "yyyyyyyyyy")
}

// TestOneConfirmOfMany publishes five messages at once with a fault for the second: no
// confirm of later ones may stand for it.
func TestOneConfirmOfMany(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault devbroker.Fault
		want  string
	}{
		"a swallowed confirm": {devbroker.Fault{On: devbroker.OnConfirm}, "map[1:ack 3:ack 4:ack 5:ack]"},
		"a swallowed publish": {devbroker.Fault{On: devbroker.OnPublish}, "map[1:ack 3:ack 4:ack 5:ack]"},
		"a late confirm":      {devbroker.Fault{On: devbroker.OnConfirm, Delay: time.Hour}, "map[1:ack 3:ack 4:ack 5:ack]"},
		"a refused publish":   {devbroker.Fault{On: devbroker.OnPublish, Do: devbroker.Refuse}, "map[1:ack 2:nack 3:ack 4:ack 5:ack]"},
		"a refused confirm":   {devbroker.Fault{On: devbroker.OnConfirm, Do: devbroker.Refuse}, "map[1:ack 2:nack 3:ack 4:ack 5:ack]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
				connect(t, b).declare("q", nil)
				w := wiredTo(t, b)
				w.login(0)
				w.channel()
				tt.fault.Skip, tt.fault.Times = 1, 1
				b.Inject(tt.fault)
				one := framesOf("q", "m")
				w.write(one, one, one, one, one)
				check(t, "heard", fmt.Sprint(w.confirms(5)), tt.want)
			})
		})
	}
}

// TestNoDeliveryFollowsADrop makes sure that a connection is cut at once: what the client
// had sent behind that is lost as well.
func TestNoDeliveryFollowsADrop(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		on   devbroker.Point
		want string
	}{
		"on publish": {devbroker.OnPublish, "1"}, "on confirm": {devbroker.OnConfirm, "1 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
				connect(t, b).declare("q", nil)
				w := wiredTo(t, b)
				w.login(0)
				w.channel()
				b.Inject(devbroker.Fault{On: tt.on, Do: devbroker.Drop, Skip: 1, Times: 1})
				w.write(framesOf("q", "1"), framesOf("q", "2"), framesOf("q", "3"))
				synctest.Wait()
				check(t, "messages", strings.Join(bodies(b), " "), tt.want)
			})
		})
	}
}

func TestALateConfirmOfAChannelThatIsGone(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		c := connect(t, b)
		c.declare("q", nil)
		b.Inject(devbroker.Fault{On: devbroker.OnConfirm, Delay: time.Hour, Times: 1})
		confirm := c.send("", "q", "1")
		c.must(c.Close())
		c.reopen()
		second := c.send("", "q", "2")
		check(t, "the second is acked", second.Wait(), true)
		time.Sleep(2 * time.Hour)
		check(t, "the first is acked", confirm.Acked(), false)
		c.put("q", "3")
	})
}

// TestAFaultOfOpenChannelsSparesAFreshOne, as a channel of a 3.10 cluster refuses what
// another one takes.
func TestAFaultOfOpenChannelsSparesAFreshOne(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		c := connect(t, b)
		c.declare("q", nil)
		remove := b.Inject(devbroker.Fault{On: devbroker.OnPublish, Do: devbroker.Refuse, Open: true})
		check(t, "the open channel hears", c.hears(c.send("", "q", "1")), "nack after 0s")
		fresh := connect(t, b)
		check(t, "a fresh channel hears", fresh.hears(fresh.send("", "q", "2")), "ack after 0s")
		check(t, "the open channel still hears", c.hears(c.send("", "q", "3")), "nack after 0s")
		remove()
		check(t, "without the fault the channel hears", c.hears(c.send("", "q", "4")), "ack after 0s")
		check(t, "channels", b.Channels(), 2)
	})
}
