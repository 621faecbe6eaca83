package conformance_test

import (
	"testing"

	"github.com/warren-mq/warren/internal/rabbit"
)

// TestConformanceDuringAnAlarm raises a memory alarm, for which it needs a node of its own.
func TestConformanceDuringAnAlarm(t *testing.T) {
	rabbit.NeedsNetwork(t, "frames are read from a socket")
	t.Parallel()
	node := rabbit.Start(t)
	c := newClient(t, node.URL())
	c.classic("q", nil)
	node.Block(t)

	quiet := c.rawOpen(1)
	quiet.doing = "without publishing: "
	quiet.hears("heartbeat", 3)
	publisher := c.rawOpen(1)
	publisher.publish("q", "m")
	publisher.doing = "after publishing: "
	publisher.hears("connection.blocked", 1)
	publisher.hears("heartbeat", 6) // longer than the broker otherwise keeps a silent client connected

	unblocked := make(chan struct{})
	go func() {
		defer close(unblocked)
		node.Unblock(t)
	}()
	publisher.hears("connection.unblocked", 1)
	publisher.hears("heartbeat", 1)
	<-unblocked
	c.holds("q", 1)
	want := scenario{want: `
		without publishing: 3 × heartbeat
		after publishing: 1 × connection.blocked
		after publishing: 6 × heartbeat
		after publishing: 1 × connection.unblocked
		after publishing: 1 × heartbeat
		q holds 1`}.expect("")
	if got := c.noted(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// hears reads until the frame has arrived n times. It answers each frame with a heartbeat,
// and notes all frames except further heartbeats.
func (r *raw) hears(frame string, n int) {
	r.t.Helper()
	for heard := 0; heard < n; {
		kind, channel, payload, err := r.read(patience)
		if err != nil {
			r.notef("%s%s", r.doing, ending(err))
			return
		}
		r.frame(heartbeatFrame, 0, nil)
		switch got := describe(kind, channel, payload); {
		case got == frame:
			heard++
		case kind != heartbeatFrame:
			r.notef("%s%s", r.doing, got)
		}
	}
	r.notef("%s%d × %s", r.doing, n, frame)
}
