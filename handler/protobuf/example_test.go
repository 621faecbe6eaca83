package protobuf_test

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/handler/protobuf"
	"github.com/warren-mq/warren/message"
)

func ExampleCodec() {
	h := handler.Typed(func(_ context.Context, email *wrapperspb.StringValue) error {
		fmt.Println("welcome", email.GetValue())
		return nil
	}, handler.WithCodec(protobuf.Codec(), handler.JSON()))

	m := &message.Message{ContentType: "application/x-protobuf", Body: []byte("\x0a\x11alice@example.com")}
	fmt.Println(h.Handle(context.Background(), m))
	// Output:
	// welcome alice@example.com
	// <nil>
}
