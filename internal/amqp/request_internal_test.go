package amqp

import (
	"testing"

	"github.com/warren-mq/warren/message"
)

func TestAReplyThatIsThereIsReturnedAfterTheChannelHasEnded(t *testing.T) {
	t.Parallel()
	for range 50 { // select chooses at random
		line := &replies{pipeline: &pipeline{done: make(chan struct{}), closed: ErrNotConnected}, received: make(chan struct{}), waiting: make(map[string]chan *message.Message)}
		reply, _ := line.expect("1")
		line.waiting["1"] <- &message.Message{ID: "reply"}
		close(line.received)
		close(line.done)
		m, err := (&Request{line: line, id: "1", reply: reply}).Reply(t.Context())
		if err != nil || m.ID != "reply" {
			t.Fatalf("got %v, %v; want the reply", m, err)
		}
	}
}

func TestAReplacedChannelTakesNoCall(t *testing.T) {
	t.Parallel()
	line := &replies{pipeline: new(pipeline), waiting: make(map[string]chan *message.Message)}
	line.replaced.Store(true)
	if _, ok := line.expect("1"); ok || len(line.waiting) > 0 {
		t.Error("the channel took a call, and is closed already")
	}
}
