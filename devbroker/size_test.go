package devbroker_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// TestASlowConsumer has a client with nothing but room in front of 10 MiB of messages:
// what waits for it must not be copied all at once.
func TestASlowConsumer(t *testing.T) {
	t.Parallel()
	const messages, size, atOnce = 10_000, 1024, 100
	b := pipe(t, devbroker.Config{})
	c := connect(t, b)
	c.declare("q", nil)
	publisher := wiredTo(t, b)
	publisher.login(0)
	publisher.channel()
	piece := bytes.Repeat(framesOf("q", strings.Repeat("a", size)), atOnce)
	for range messages / atOnce {
		publisher.write(piece)
	}
	for acked := uint64(0); acked < messages; {
		acked = see[*wire.BasicAck](publisher).DeliveryTag
	}
	c.put("q", "last")

	slow := wiredTo(t, b)
	slow.login(0)
	slow.channel()
	slow.consume("q")
	for taken := range messages {
		if taken%100 == 0 {
			if out := queue(b, "q").Unacked - taken; out > 4<<20/size {
				t.Fatalf("%d messages are on their way, want about 1 MiB of them", out)
			}
		}
		slow.delivery()
	}
	check(t, "the last", slow.delivery(), "last")
	check(t, "in hand", queue(b, "q").Unacked, messages+1)
}

func TestLargeMessages(t *testing.T) {
	t.Parallel()
	b := pipe(t, devbroker.Config{})
	c := connect(t, b)
	c.declare("q", nil)
	deliveries := c.listen("q", 1)
	for _, size := range []int{0, 1, 4096 - 8, 131072 - 9, 131072 - 8, 131072 - 7, 2 * (131072 - 8), 3<<20 + 1} {
		body := strings.Repeat("0123456789abcde", size/15+1)[:size]
		c.put("q", body)
		d := next(t, deliveries)
		if string(d.Body) != body {
			t.Errorf("%d bytes have become %d others", size, len(d.Body))
		}
		c.must(d.Ack(false))
	}
}

func TestMaxMessageSize(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cfg  devbroker.Config
		most int
	}{
		"as it is set":               {devbroker.Config{MaxMessageSize: 1000}, 1000},
		"or 16 MiB since 4.0":        {devbroker.Config{}, 16 << 20},
		"and no more than a byte":    {devbroker.Config{MaxMessageSize: 1}, 1},
		"also on 3.10, if it is set": {devbroker.Config{Version: "3.10", MaxMessageSize: 1000}, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := pipe(t, tt.cfg)
			c := connect(t, b)
			c.declare("q", nil)
			w := wiredTo(t, b)
			w.login(0)
			w.channel()
			w.write(framesOf("q", strings.Repeat("a", tt.most)))
			check(t, "the confirm of as much", fmt.Sprint(w.confirms(1)), "map[1:ack]")
			w.write(framesOf("q", strings.Repeat("a", tt.most+1)))
			want := fmt.Sprintf("PRECONDITION_FAILED - message size %d is larger than configured max size %d", tt.most+1, tt.most)
			check(t, "one more", see[*wire.ChannelClose](w).ReplyText, want)
			check(t, "messages", queue(b, "q").Ready, 1)
		})
	}
}
