package deadletter_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/message"
)

// Replay the largest group of failures after fixing its cause: three dead letters first,
// then the others.
func Example() {
	ctx, client := context.Background(), deadletter.New(broker.Config{URL: os.Getenv("AMQP_URL")})
	groups, err := client.Groups(ctx, "welcome-email.dlq", deadletter.Filter{})
	if err != nil || len(groups) == 0 {
		log.Fatal("nothing to replay: ", err)
	}
	largest := groups[0]
	fmt.Printf("%d dead letters since %v: %s\n", largest.Count, largest.First, largest.Error)
	result, err := client.Replay(ctx, "welcome-email.dlq", deadletter.Replay{
		Filter: deadletter.Filter{Fingerprint: largest.Fingerprint}, Canary: 3, Rate: 50,
	})
	fmt.Printf("%d of %d replayed\n", result.Done, largest.Count)
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleClient_Edit() {
	client := deadletter.New(broker.Config{URL: os.Getenv("AMQP_URL")})
	id, err := client.Edit(context.Background(), "welcome-email.dlq", "m1", deadletter.Edit{
		Body: []byte(`{"email":"ada@example.com"}`), By: "ada",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("replayed as", id)
}

func ExampleClient_Export() {
	client := deadletter.New(broker.Config{URL: os.Getenv("AMQP_URL")})
	n, err := client.Export(context.Background(), "welcome-email.dlq", deadletter.Filter{Reason: "invalid"}, os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("%d dead letters exported", n)
}

func ExampleParseFilter() {
	f, err := deadletter.ParseFilter(`reason=permanent, key=user.*, error="timeout, again"`)
	if err != nil {
		log.Fatal(err)
	}
	failed := deadletter.DeadLetter{
		Reason: "permanent", Error: "timeout, again and again", Message: message.Message{RoutingKey: "user.signed_up"},
	}
	fmt.Println(f.Matches(&failed))
	fmt.Println(f)
	// Output:
	// true
	// reason=permanent,error="timeout, again",key=user.*
}
