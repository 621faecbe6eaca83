package warrentest_test

import (
	"errors"
	"fmt"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/warrentest"
)

// Handle calls a handler with a body, without a broker, and returns its error.
func ExampleHandle() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	welcome := handler.Typed(sendWelcome)
	fmt.Println("first attempt:", warrentest.Handle(t, welcome, SignedUp{Email: "alice@example.com"}))

	second := func(m *message.Message) { m.Attempt = 2 }
	fmt.Println("second attempt:", warrentest.Handle(t, welcome, SignedUp{Email: "alice@example.com"}, second))

	err := warrentest.Handle(t, welcome, SignedUp{})
	fmt.Println("no mailbox:", errors.Is(err, errBounced) && retry.IsPermanent(err))

	err = warrentest.Handle(t, welcome, []byte(`{"email":7}`), func(m *message.Message) { m.ContentType = "application/json" })
	_, undecodable := errors.AsType[*handler.DecodeError](err)
	fmt.Println("a body that cannot be decoded:", undecodable)
	// Output:
	// first attempt: the mail server is busy
	// second attempt: <nil>
	// no mailbox: true
	// a body that cannot be decoded: true
}
