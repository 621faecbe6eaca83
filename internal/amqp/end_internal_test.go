package amqp

import "testing"

// TestALostDeliveryIsKnownAsLostBeforeItsContextEnds: a handler whose context ends asks for the reason.
func TestALostDeliveryIsKnownAsLostBeforeItsContextEnds(t *testing.T) {
	t.Parallel()
	c := &Consumer{settler: newSettler(newRecorder(), 1), stopped: make(chan struct{}), gone: make(chan struct{})}
	c.lose = func(error) {
		select {
		case <-c.gone:
		default:
			t.Error("the context ends while the delivery seems to be held")
		}
	}
	c.end()
	c.settler.stop()
}
