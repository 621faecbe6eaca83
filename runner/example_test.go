package runner_test

import (
	"context"
	"fmt"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/runner"
)

type signedUp struct {
	Email string `json:"email"`
}

func sendWelcome(_ context.Context, u signedUp) error {
	_, err := fmt.Println("welcome,", u.Email)
	return err
}

func storeAll(_ context.Context, all []signedUp) error {
	_, err := fmt.Println("storing", len(all))
	return err
}

// The main function of a program that has the commands of the runner, and two handlers for its
// configuration: {key: user.signed_up, go: send-welcome}, and
// {key: user.signed_up, go: store-all, batch: {size: 100}}.
func ExampleMain() {
	runner.Main(
		runner.Go("send-welcome", handler.Typed(sendWelcome)),
		runner.GoBatch("store-all", handler.Batch(storeAll)),
	)
}

// Run is Main for programs that do something after the command.
func ExampleRun() {
	status := runner.Run(context.Background(), []string{"config", "validate", "-c", "testdata/example.yaml"},
		runner.Go("send-welcome", handler.Typed(sendWelcome)),
		runner.GoBatch("store-all", handler.Batch(storeAll)))
	if status != 0 {
		panic("the configuration is not valid")
	}
	// Output:
	// testdata/example.yaml is valid: 1 exchange, 2 queues, 0 schedules
}
