package asyncapi_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/warren-mq/warren/asyncapi"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/worker"
)

// The document shows which fields a publisher must set.
func ExampleGenerate() {
	type Order struct {
		ID   string `json:"id"`
		Note string `json:"note,omitempty"`
	}
	w := worker.New(worker.Config{})
	w.Queue(worker.Queue{Name: "shipping", Exchange: "shop"}).Handle("order.paid", handler.Typed(func(context.Context, Order) error { return nil }))
	text, err := asyncapi.Generate(asyncapi.Application{Title: "shipping", Version: "1.0.0", Queues: w.Describe()})
	if err != nil {
		fmt.Println(err)
		return
	}
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Required []string `json:"required"`
			} `json:"schemas"`
		} `json:"components"`
	}
	fmt.Println(json.Unmarshal(text, &document), document.Components.Schemas["Order"].Required)
	// Output: <nil> [id]
}

// What an application publishes is described too.
func ExampleSends() {
	type Shipped struct {
		Order string `json:"order"`
	}
	text, err := asyncapi.Generate(asyncapi.Application{Title: "shipping", Version: "1.0.0", Sends: []asyncapi.Send{
		asyncapi.Sends[Shipped]("shop", "order.shipped"),
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var document struct {
		Operations map[string]struct {
			Action string `json:"action"`
		} `json:"operations"`
	}
	fmt.Println(json.Unmarshal(text, &document), document.Operations["send.shop.order.shipped"].Action)
	// Output: <nil> send
}

// A program that calls describes the requests and the replies that it understands.
func ExampleCalls() {
	type Question struct {
		Article string `json:"article"`
	}
	type Price struct {
		Cents int `json:"cents"`
	}
	text, err := asyncapi.Generate(asyncapi.Application{Title: "shop", Version: "1.0.0", Sends: []asyncapi.Send{
		asyncapi.Calls[Question, Price]("stock", "price.asked"),
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var document struct {
		Operations map[string]struct {
			Reply struct {
				Messages []map[string]string `json:"messages"`
			} `json:"reply"`
		} `json:"operations"`
	}
	fmt.Println(json.Unmarshal(text, &document), document.Operations["call.stock.price.asked"].Reply.Messages)
	// Output: <nil> [map[$ref:#/channels/replies/messages/price.asked.reply]]
}
