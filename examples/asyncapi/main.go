// Command asyncapi describes a worker as an AsyncAPI document, and then lists what a new version of
// its messages would break. It does not connect.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"slices"

	"github.com/warren-mq/warren/asyncapi"
	"github.com/warren-mq/warren/asyncapi/schemadiff"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/worker"
)

type order struct {
	ID       string `json:"id"`
	Currency string `json:"currency"       jsonschema:"enum=EUR,enum=USD"`
	Note     string `json:"note,omitempty"`
}

// nextOrder is the version of order that the team would like to deploy.
type nextOrder struct {
	ID       string `json:"id"`
	Currency string `json:"currency"      jsonschema:"enum=EUR,enum=USD,enum=GBP"`
	Customer string `json:"customer"`
	Tip      int    `json:"tip,omitempty"`
}

type shipped struct {
	Order string `json:"order"`
}

func ship[T any](context.Context, T) error { return nil }

func main() {
	old, err := describe(handler.Typed(ship[order]), "1.0.0")
	if err != nil {
		log.Fatal(err)
	}
	var document struct {
		Channels map[string]any `json:"channels"`
	}
	if err := json.Unmarshal(old, &document); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the document has the channels", slices.Sorted(maps.Keys(document.Channels)))

	next, err := describe(handler.Typed(ship[nextOrder]), "2.0.0")
	if err != nil {
		log.Fatal(err)
	}
	changes, err := schemadiff.Documents(old, next)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range changes {
		fmt.Printf("breaking: %-5v %s: %s\n", c.Breaking, c.Path, c.Text)
	}
}

// describe returns the document of the worker. A team keeps it as a file, and compares it in a test.
func describe(h handler.Handler, version string) ([]byte, error) {
	w := worker.New(worker.Config{})
	w.Queue(worker.Queue{Name: "shipping", Exchange: "shop"}).Handle("order.paid", h)
	return asyncapi.Generate(asyncapi.Application{
		Title: "shipping", Version: version, Servers: []string{"amqps://rabbit.example.org/shop"}, Queues: w.Describe(),
		Sends: []asyncapi.Send{asyncapi.Sends[shipped]("shop", "order.shipped")},
	})
}
