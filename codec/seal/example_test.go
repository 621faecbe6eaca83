package seal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// The same codec seals at the publisher and opens at the consumer.
func ExampleEncoding() {
	ring, err := seal.NewRing(seal.NewKey("2026")) // a program reads its keys by seal.ReadKeys
	if err != nil {
		fmt.Println(err)
		return
	}
	bodies := codec.New(handler.JSON(), codec.Gzip(codec.Limits{}), seal.Encoding(ring))
	m := &message.Message{ID: "018f3c"}
	err = bodies.MarshalMessage(context.Background(), m, "alice@example.com")
	fmt.Println(m.ContentEncoding, bytes.Contains(m.Body, []byte("alice")), err)

	welcome := func(_ context.Context, email string) error {
		fmt.Println("welcome", email)
		return nil
	}
	fmt.Println(handler.Typed(welcome, handler.WithCodec(bodies)).Handle(context.Background(), m))
	// Output:
	// sealed false <nil>
	// welcome alice@example.com
	// <nil>
}

// To rotate keys, consumers get the new key before publishers seal with it.
func ExampleRing_Set() {
	older, newer := seal.NewKey("2025"), seal.NewKey("2026")
	consumer, err := seal.NewRing(older)
	fmt.Println(consumer, err)
	fmt.Println(consumer.Set(older, newer), consumer)
	// Output:
	// [key 2025] <nil>
	// <nil> [key 2025 key 2026]
}

func ExampleParseKeys() {
	keys, err := seal.ParseKeys([]byte("# the first key seals\n2026 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"))
	fmt.Println(keys, err)
	// Output: [key 2026] <nil>
}

// A file has one key on a line. The first key seals.
func ExampleReadKeys() {
	file := filepath.Join(os.TempDir(), "no-such-keys")
	_, err := seal.ReadKeys(file)
	fmt.Println(errors.Is(err, os.ErrNotExist))
	// Output: true
}

// While publishers are being changed, a consumer may accept messages that are not sealed.
func ExampleOptional() {
	ring, err := seal.NewRing(seal.NewKey("2026"))
	if err != nil {
		fmt.Println(err)
		return
	}
	h := handler.Typed(func(_ context.Context, email string) error {
		fmt.Println("welcome", email)
		return nil
	}, handler.WithCodec(codec.New(handler.JSON(), seal.Optional(ring))))
	fmt.Println(h.Handle(context.Background(), &message.Message{Body: []byte(`"alice@example.com"`)}))
	// Output:
	// welcome alice@example.com
	// <nil>
}

// An operator's program shows the key id, and not the body.
func ExampleKeyID() {
	ring, err := seal.NewRing(seal.NewKey("2026"))
	if err != nil {
		fmt.Println(err)
		return
	}
	m := &message.Message{ID: "018f3c"}
	fmt.Println(codec.New(handler.JSON(), seal.Encoding(ring)).MarshalMessage(context.Background(), m, "alice@example.com"))
	fmt.Println(seal.KeyID(m))
	// Output:
	// <nil>
	// 2026 true
}
