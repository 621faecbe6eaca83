package devbroker_test

import (
	"testing"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// FuzzConnection sends any bytes where frames are due. Whatever they are, the broker ends
// the connection when they end, if not before, and serves the next one.
func FuzzConnection(f *testing.F) {
	method := func(m wire.Method) []byte { return wire.AppendMethod(nil, 1, m) }
	f.Add(method(&wire.QueueDeclare{Queue: "q", Arguments: wire.Table{{Name: "x-max-length", Value: int32(1)}}}))
	f.Add(method(&wire.ExchangeDeclare{Exchange: "x", Type: "headers"}))
	f.Add(method(&wire.QueueBind{Queue: "known", Exchange: "amq.topic", RoutingKey: "#.a.*"}))
	f.Add(method(&wire.BasicConsume{Queue: "known", ConsumerTag: "c"}))
	f.Add(method(&wire.BasicAck{DeliveryTag: 1, Multiple: true}))
	f.Add(method(&wire.TxSelect{}))
	f.Add(framesOf("known", "body"))
	f.Add([]byte{wire.FrameHeartbeat, 0, 0, 0, 0, 0, 0, 0xCE})

	b, err := devbroker.Pipe(devbroker.Config{MemoryLimit: 32 << 20})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = b.Close() })
	f.Fuzz(func(t *testing.T, frames []byte) {
		w := wiredTo(t, b)
		w.login(0)
		w.channel()
		w.send(1, &wire.QueueDeclare{Queue: "known"})
		see[*wire.QueueDeclareOk](w)
		_, _ = w.conn.Write(frames) // an error is fine: the broker may have seen enough
		_ = w.conn.Close()

		next := wiredTo(t, b)
		next.login(0)
		next.channel()
		next.send(1, &wire.QueueDeclare{Queue: "known"})
		see[*wire.QueueDeclareOk](next)
		next.send(1, &wire.QueueDelete{Queue: "known"})
		see[*wire.QueueDeleteOk](next)
		_ = next.conn.Close()
	})
}
