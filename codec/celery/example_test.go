package celery_test

import (
	"context"
	"fmt"

	"github.com/warren-mq/warren/codec/celery"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// A Python program calls tasks.resize.delay("cat.png", width=200).
func Example() {
	type resize struct {
		File  string `json:"file"`
		Width int    `json:"width"`
	}
	var tasks celery.Tasks
	tasks.Register("tasks.resize", handler.Typed(func(_ context.Context, r resize) error {
		fmt.Println("resizing", r.File, "to", r.Width)
		return nil
	}, handler.WithCodec(celery.Arguments("file", "width"))))

	// In a program: worker.Queue(…).Handle("images", &tasks)
	err := tasks.Handle(context.Background(), &message.Message{
		ContentType: "application/json", Headers: message.Headers{"task": "tasks.resize"},
		Body: []byte(`[["cat.png"], {"width": 200}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]`),
	})
	fmt.Println(err)
	// Output:
	// resizing cat.png to 200
	// <nil>
}

// A publisher would pass broker.WithCodec(celery.Task("tasks.resize")), and the arguments as the value.
func ExampleTask() {
	m := &message.Message{ID: "5f9c1e0a"}
	arguments := map[string]any{"file": "cat.png", "width": 200}
	if err := celery.Task("tasks.resize").MarshalMessage(context.Background(), m, arguments); err != nil {
		fmt.Println(err)
	}
	fmt.Println(m.Headers["task"], m.Headers["kwargsrepr"])
	fmt.Println(string(m.Body))
	// Output:
	// tasks.resize {"file": "cat.png", "width": 200}
	// [[],{"file":"cat.png","width":200},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]
}
