package codec_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// One value encodes at the publisher, by broker.WithCodec, and decodes at the consumer.
func ExampleNew() {
	bodies := codec.New(handler.JSON(), codec.Gzip(codec.Limits{}))
	m := &message.Message{}
	err := bodies.MarshalMessage(context.Background(), m, strings.Repeat("a", 5000)) // the publisher calls this
	fmt.Println(m.ContentType, m.ContentEncoding, len(m.Body) < 100, err)

	h := handler.Typed(func(_ context.Context, text string) error {
		fmt.Println(len(text), "letters")
		return nil
	}, handler.WithCodec(bodies))
	fmt.Println(h.Handle(context.Background(), m))
	// Output:
	// application/json gzip true <nil>
	// 5000 letters
	// <nil>
}

// Bodies below MinBytes stay as they are.
func ExampleGzip() {
	bodies := codec.New(handler.JSON(), codec.Gzip(codec.Limits{MinBytes: 10_000, MaxBytes: 1 << 20}))
	m := &message.Message{}
	err := bodies.MarshalMessage(context.Background(), m, "a small body")
	fmt.Printf("%q %s %v\n", m.ContentEncoding, m.Body, err)
	// Output: "" "a small body" <nil>
}

func ExampleNames() {
	fmt.Println(codec.Names(&message.Message{ContentEncoding: "x-gzip, Sealed"}))
	// Output: [gzip sealed]
}
