package job_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/checkpoint"
	warren "github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// A command reads the body from its stdin and the properties from its environment. Its
// exit status decides about the message, and its stderr becomes the text of the failure.
func ExampleExec() {
	h, err := job.Exec{
		Command: []string{"sh", "-c", `read -r email; echo "$WARREN_ROUTING_KEY: no mailbox for $email" >&2; exit 65`},
		Env:     []string{"SMTP_URL"}, // passed on, if it is set
	}.Handler()
	if err != nil {
		log.Fatal(err)
	}
	err = h.Handle(context.Background(), &message.Message{RoutingKey: "user.signed_up", Body: []byte("alice@example.com\n")})
	fmt.Println(err)
	fmt.Println("a dead letter:", retry.IsPermanent(err))
	// Output:
	// job: sh: exit status 65: user.signed_up: no mailbox for alice@example.com
	// a dead letter: true
}

// A persistent handler reads and answers line by line. The id counts the messages. This
// one is written in sh; testdata/welcome.py is written in Python.
func ExampleExec_persistent() {
	const program = `
n=0
while read -r line; do
	n=$((n + 1))
	case $line in
	*@example.com*) echo "{\"id\":$n,\"ok\":true}" ;;
	*) echo "{\"id\":$n,\"error\":\"no such user\",\"permanent\":true}" ;;
	esac
done`
	h, err := job.Exec{Command: []string{"sh", "-c", program}, Persistent: true}.Handler()
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = h.Close() }() // ends the process
	for _, body := range []string{"alice@example.com", "bob@example.net"} {
		fmt.Println(h.Handle(context.Background(), &message.Message{Body: []byte(body)}))
	}
	// Output:
	// <nil>
	// job: sh: no such user
}

// What a command writes to stdout is the reply of a call. In a worker, broker.Call returns it to
// the caller.
func ExampleReplies() {
	h, err := job.Exec{
		Command: []string{"sh", "-c", `read -r n; if [ "$n" = 0 ]; then echo "reason: zero" >&2; exit 65; fi; echo $((12 / n))`},
		Replies: &job.Replies{},
	}.Handler()
	if err != nil {
		log.Fatal(err)
	}
	var r replied // keeps the reply; the worker sends it
	ctx := warren.WithReplier(context.Background(), &r)
	fmt.Println(h.Handle(ctx, &message.Message{ReplyTo: "caller", Body: []byte("4\n")}), r.said)
	fmt.Println(h.Handle(ctx, &message.Message{ReplyTo: "caller", Body: []byte("0\n")}))
	// Output:
	// <nil> application/json  3
	// job: sh: exit status 65
}

// A command continues where an earlier attempt of the message has stopped. testdata/import.py does
// the same in Python.
func ExampleExec_checkpoints() {
	h, err := job.Exec{
		Command:     []string{"sh", "-c", `echo "$WARREN_CHECKPOINT" >&2; echo '{"checkpoint":{"row":8000}}' >&3; exit 75`},
		Checkpoints: true,
	}.Handler()
	if err != nil {
		log.Fatal(err)
	}
	state := checkpoint.NewState(`{"row":7000}`) // a worker takes it from the message
	fmt.Println(h.Handle(checkpoint.NewContext(context.Background(), state), &message.Message{}))
	fmt.Println("the next attempt gets", state.Value())
	// Output:
	// job: sh: exit status 75: {"row":7000}
	// the next attempt gets {"row":8000}
}

// A webhook with a token. With SecretFile, the token is read from a file at each request.
func ExampleWebhook() {
	h, err := job.Webhook{
		URL:         "https://crm.example.com/hooks/user",
		Headers:     []job.Header{{Name: "Authorization", Value: job.NewSecret("Bearer " + os.Getenv("CRM_TOKEN"))}},
		CloudEvents: true,
		Timeout:     10 * time.Second,
	}.Handler()
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	err = h.Handle(context.Background(), &message.Message{ID: "42", RoutingKey: "user.deleted", Body: []byte("{}")})
	if failed, ok := errors.AsType[*job.StatusError](err); ok {
		log.Print(failed.Status)
	}
}

// Log logs each message. Use it as a handler until you have written the real one.
func ExampleLog() {
	h, err := job.Log{MaxBodyBytes: 200}.Handler()
	if err != nil {
		log.Fatal(err)
	}
	_ = h.Handle(context.Background(), &message.Message{RoutingKey: "user.signed_up"}) // never an error
}

// Forward acknowledges the message once the broker has confirmed its copy.
func ExampleForward() {
	connections := worker.NewConnections(broker.Config{URL: os.Getenv("AMQP_URL")}, nil)
	h, err := job.Forward{Exchange: "audit", Sender: connections.Sender()}.Handler()
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		if err := connections.Run(ctx); err != nil {
			log.Print(err)
		}
	}()
	if err := h.Handle(ctx, &message.Message{RoutingKey: "user.signed_up"}); err != nil {
		log.Print(err)
	}
}

// A Secret is printed as ****. Reveal returns its text.
func ExampleSecret() {
	token := job.NewSecret("open sesame")
	fmt.Printf("%v %+v %#v\n", token, []job.Secret{token}, job.SecretFile("/run/secrets/token"))
	text, err := token.Reveal()
	fmt.Println(text, err)
	// Output:
	// **** [****] ****
	// open sesame <nil>
}
