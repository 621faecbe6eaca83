package wire_test

import (
	"bytes"
	"cmp"
	"net"
	"reflect"
	"slices"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

func TestAClientIsUnderstoodAndUnderstands(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	s := &standIn{t: t, conn: here, in: wire.NewReader(here), done: make(chan struct{})}
	go s.serve()
	conn, err := amqp.Open(there, amqp.Config{
		Vhost: "/dev", Locale: "en_US", SASL: []amqp.Authentication{&amqp.PlainAuth{Username: "guest", Password: "secret"}},
		Properties: amqp.Table{"product": "client"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	declare(t, ch)
	converse(t, ch)
	must(t, ch.Close())
	must(t, conn.UpdateSecret("newer", "expired"))
	must(t, conn.Close())
	<-s.done
	checkSaid(t, s.got)
	checkContent(t, s.properties, s.body)
}

// declare calls what a client does to exchanges and queues, and checks the answers.
func declare(t *testing.T, ch *amqp.Channel) {
	t.Helper()
	args := amqp.Table{"x-max-length": int32(5)}
	must(t, ch.ExchangeDeclare("e", "topic", true, false, true, false, args))
	must(t, ch.ExchangeDeclarePassive("e", "topic", false, true, false, false, nil))
	must(t, ch.ExchangeBind("d", "key", "e", false, args))
	must(t, ch.ExchangeUnbind("d", "key", "e", false, args))
	must(t, ch.ExchangeDelete("e", true, false))
	q, err := ch.QueueDeclare("", true, false, true, false, args)
	must(t, err)
	if want := (amqp.Queue{Name: "amq.gen-1", Messages: 3, Consumers: 5}); q != want {
		t.Errorf("declared %+v, want %+v", q, want)
	}
	_, err = ch.QueueDeclarePassive("q", false, true, false, false, nil)
	must(t, err)
	must(t, ch.QueueBind("q", "key", "e", false, args))
	must(t, ch.QueueUnbind("q", "key", "e", args))
	if n, err := ch.QueuePurge("q", false); err != nil || n != 7 {
		t.Errorf("purged %d, error %v, want 7", n, err)
	}
	if n, err := ch.QueueDelete("q", false, true, false); err != nil || n != 9 {
		t.Errorf("deleted %d, error %v, want 9", n, err)
	}
}

// converse calls what a client does with messages, and checks the answers.
func converse(t *testing.T, ch *amqp.Channel) {
	t.Helper()
	must(t, ch.Tx())
	must(t, ch.TxCommit())
	must(t, ch.TxRollback())
	must(t, ch.Flow(true))
	must(t, ch.Confirm(false))
	must(t, ch.Qos(10, 20, true))
	returned := ch.NotifyReturn(make(chan amqp.Return, 1))
	deliveries, err := ch.Consume("q", "tag", false, true, false, false, amqp.Table{"x-priority": int32(5)})
	must(t, err)
	confirm, err := ch.PublishWithDeferredConfirm("e", "key", true, false, publishing())
	must(t, err)
	if r := <-returned; r.ReplyCode != 312 || r.ReplyText != "NO_ROUTE" || r.Exchange != "e" || r.RoutingKey != "key" {
		t.Errorf("returned %d %q from %q, %q", r.ReplyCode, r.ReplyText, r.Exchange, r.RoutingKey)
	}
	if !confirm.Wait() {
		t.Error("not confirmed")
	}
	d := <-deliveries
	if d.ConsumerTag != "tag" || d.DeliveryTag != 1<<40 || !d.Redelivered || d.Exchange != "e" || d.RoutingKey != "key" {
		t.Errorf("delivered %q %d %t from %q, %q", d.ConsumerTag, d.DeliveryTag, d.Redelivered, d.Exchange, d.RoutingKey)
	}
	checkDelivery(t, d)
	must(t, d.Ack(true))
	must(t, d.Nack(true, false))
	must(t, d.Reject(true))
	d, ok, err := ch.Get("q", true)
	if err != nil || !ok || d.MessageCount != 8 {
		t.Errorf("got one: %t, error %v, %d left, want 8", ok, err, d.MessageCount)
	}
	checkDelivery(t, d)
	if _, ok, err := ch.Get("empty", false); err != nil || ok {
		t.Errorf("got one from an empty queue: %t, error %v", ok, err)
	}
	must(t, ch.Recover(true)) //nolint:staticcheck // deprecated, and a method of AMQP all the same
	must(t, ch.Cancel("tag", false))
}

// checkSaid compares what has been received with what the client must have said.
func checkSaid(t *testing.T, got []wire.Method) {
	t.Helper()
	want := said()
	if len(got) != len(want) {
		t.Fatalf("%d methods, want %d", len(got), len(want))
	}
	start, ok := got[0].(*wire.ConnectionStartOk)
	if !ok {
		t.Fatalf("it begins with %T", got[0])
	}
	if v, _ := start.ClientProperties.Get("capabilities"); wire.TypeName(v) != "table" {
		t.Errorf("its capabilities are %v", v)
	}
	start.ClientProperties = start.ClientProperties.Delete("capabilities") // in any order
	for i, want := range want {
		if !reflect.DeepEqual(got[i], want) {
			t.Errorf("method %d is\n%#v, want\n%#v", i, got[i], want)
		}
	}
}

// said is what the client must have said in all.
func said() []wire.Method {
	args := wire.Table{{"x-max-length", int32(5)}}
	return []wire.Method{
		&wire.ConnectionStartOk{
			ClientProperties: wire.Table{{"product", "client"}},
			Mechanism:        "PLAIN", Response: "\x00guest\x00secret", Locale: "en_US",
		},
		&wire.ConnectionTuneOk{ChannelMax: 100, FrameMax: 4096, Heartbeat: 0},
		&wire.ConnectionOpen{VirtualHost: "/dev"},
		&wire.ChannelOpen{},
		&wire.ExchangeDeclare{Exchange: "e", Type: "topic", Durable: true, Internal: true, Arguments: args},
		&wire.ExchangeDeclare{Exchange: "e", Type: "topic", Passive: true, AutoDelete: true},
		&wire.ExchangeBind{Destination: "d", Source: "e", RoutingKey: "key", Arguments: args},
		&wire.ExchangeUnbind{Destination: "d", Source: "e", RoutingKey: "key", Arguments: args},
		&wire.ExchangeDelete{Exchange: "e", IfUnused: true},
		&wire.QueueDeclare{Durable: true, Exclusive: true, Arguments: args},
		&wire.QueueDeclare{Queue: "q", Passive: true, AutoDelete: true},
		&wire.QueueBind{Queue: "q", Exchange: "e", RoutingKey: "key", Arguments: args},
		&wire.QueueUnbind{Queue: "q", Exchange: "e", RoutingKey: "key", Arguments: args},
		&wire.QueuePurge{Queue: "q"},
		&wire.QueueDelete{Queue: "q", IfEmpty: true},
		&wire.TxSelect{},
		&wire.TxCommit{},
		&wire.TxRollback{},
		&wire.ChannelFlow{Active: true},
		&wire.ConfirmSelect{},
		&wire.BasicQos{PrefetchCount: 10, PrefetchSize: 20, Global: true},
		&wire.BasicConsume{Queue: "q", ConsumerTag: "tag", Exclusive: true, Arguments: wire.Table{{"x-priority", int32(5)}}},
		&wire.BasicPublish{Exchange: "e", RoutingKey: "key", Mandatory: true},
		&wire.BasicAck{DeliveryTag: 1 << 40, Multiple: true},
		&wire.BasicNack{DeliveryTag: 1 << 40, Multiple: true},
		&wire.BasicReject{DeliveryTag: 1 << 40, Requeue: true},
		&wire.BasicGet{Queue: "q", NoAck: true},
		&wire.BasicGet{Queue: "empty"},
		&wire.BasicRecover{Requeue: true},
		&wire.BasicCancel{ConsumerTag: "tag"},
		&wire.ChannelClose{ReplyCode: 200},
		&wire.ConnectionUpdateSecret{NewSecret: "newer", Reason: "expired"},
		&wire.ConnectionClose{ReplyCode: 200, ReplyText: "kthxbai"},
	}
}

// publishing is a message with all that the client can send, and a body of several
// frames.
func publishing() amqp.Publishing {
	return amqp.Publishing{
		Headers: amqp.Table{
			"bool": true, "byte": int8(-1), "unsignedbyte": uint8(200), "short": int16(-300), "unsignedshort": uint16(60000),
			"signedint": int32(-70000), "unsignedint": uint32(1 << 31), "long": int64(-1 << 40), "float": float32(0.5), "double": 0.25,
			"decimal": amqp.Decimal{Scale: 2, Value: 314}, "longstr": "text", "binary": []byte{0, 255},
			"timestamp": time.Unix(1<<33, 0), "void": nil,
			"table": amqp.Table{"bool": true}, "array": []any{true, amqp.Table{"void": nil}, []any{"text"}},
		},
		ContentType: "application/json", ContentEncoding: "gzip", DeliveryMode: 2, Priority: 9, CorrelationId: "correlation",
		ReplyTo: "amq.rabbitmq.reply-to", Expiration: "60000", MessageId: "0197", Timestamp: time.Unix(1<<33, 0),
		Type: "signed-up", UserId: "guest", AppId: "warren", Body: bytes.Repeat([]byte("body "), 2000),
	}
}

// checkContent compares what has been received with what publishing sends.
func checkContent(t *testing.T, properties, body []byte) {
	t.Helper()
	got, err := wire.ParseProperties(properties)
	must(t, err)
	want := everyProperty()
	want.Present &^= wire.HasClusterID
	want.Headers = want.Headers.
		Set("table", wire.Table{{"bool", true}}).
		Set("array", []any{true, wire.Table{{"void", nil}}, []any{"text"}})
	byName := func(a, b wire.Field) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortFunc(got.Headers, byName)
	slices.SortFunc(want.Headers, byName)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("properties are\n%+v, want\n%+v", got, want)
	}
	if !bytes.Equal(body, publishing().Body) {
		t.Errorf("body has %d bytes, want others", len(body))
	}
}

// checkDelivery compares what has come back to the client with what it has sent.
func checkDelivery(t *testing.T, d amqp.Delivery) {
	t.Helper()
	got := amqp.Publishing{
		Headers: d.Headers, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: d.DeliveryMode,
		Priority: d.Priority, CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, Expiration: d.Expiration, MessageId: d.MessageId,
		Timestamp: d.Timestamp, Type: d.Type, UserId: d.UserId, AppId: d.AppId,
	}
	want := publishing()
	if !bytes.Equal(d.Body, want.Body) {
		t.Errorf("body has %d bytes, want others", len(d.Body))
	}
	if want.Body = nil; !reflect.DeepEqual(got, want) {
		t.Errorf("delivered\n%+v, want\n%+v", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
