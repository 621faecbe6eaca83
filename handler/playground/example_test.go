package playground_test

import (
	"context"
	"fmt"

	"github.com/go-playground/validator/v10"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/handler/playground"
	"github.com/warren-mq/warren/message"
)

func ExampleValidate() {
	type SignedUp struct {
		Email string `json:"email" validate:"required,email"`
		Age   int    `json:"age"   validate:"gte=18"`
	}
	v := validator.New(validator.WithRequiredStructEnabled())
	h := handler.Typed(func(context.Context, SignedUp) error { return nil },
		handler.WithValidate(playground.Validate(v)))

	fmt.Println(h.Handle(context.Background(), &message.Message{Body: []byte(`{"email":"alice","age":7}`)}))
	// Output: handler: invalid payload: Email: want email; Age: want gte=18
}
