package command

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

// refusal is in the broker's words, such as: ACCESS_REFUSED - configure access to queue
// 'q' in vhost '/' refused for user 'u'.
var refusal = regexp.MustCompile(`ACCESS_REFUSED - ([^"]+)`)

// rights tries what the user may do, with requests that the broker refuses for what they
// say, if not for who says it: permissions are looked at first.
type rights struct {
	examination *examination
	denied      []string
}

// checkPermissions tries to configure everything that is declared, to write to the
// exchanges and to read from the work queues.
func (e *examination) checkPermissions(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r := &rights{examination: e}
	t := wiring.Topology(e.config)
	for _, x := range t.Exchanges {
		// RabbitMQ wants a name there.
		r.note(e.session.Declare(ctx, topology.Topology{Exchanges: []topology.Exchange{{Name: x.Name, Kind: x.Kind, Arguments: message.Headers{"alternate-exchange": 0}}}}))
	}
	for _, q := range t.Queues {
		// No time to live is less than none.
		r.note(e.session.Declare(ctx, topology.Topology{Queues: []topology.Queue{{Name: q.Name, Arguments: message.Headers{"x-message-ttl": -1}}}}))
	}
	for _, q := range e.config.Queues {
		r.noteRead(ctx, q.Name)
	}
	r.tryToWrite(ctx, t)
	for _, what := range r.denied {
		e.failf("permissions", "rabbitmqctl set_permissions -p VHOST USER CONFIGURE WRITE READ, with patterns that match the name", "%s", what)
	}
	if len(r.denied) == 0 {
		e.okf("permissions", "the user may configure %d exchanges and queues, write to them and read from them", len(t.Exchanges)+len(t.Queues))
	}
}

// note keeps what was refused for who asked.
func (r *rights) note(err error) {
	if err == nil {
		return
	}
	if m := refusal.FindStringSubmatch(err.Error()); m != nil && !slices.Contains(r.denied, m[1]) {
		r.denied = append(r.denied, m[1])
	}
}

// noteRead tries to consume with a priority that is no number.
func (r *rights) noteRead(ctx context.Context, queue string) {
	_, err := r.examination.session.Consume(ctx, amqp.Consume{Queue: queue, Prefetch: 1, Arguments: message.Headers{"x-priority": "doctor"}})
	r.note(err)
}

// tryToWrite publishes what expires at a time that is none.
func (r *rights) tryToWrite(ctx context.Context, t topology.Topology) {
	sender := amqp.NewSender(amqp.Config(r.examination.broker), "doctor", nil)
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- sender.Run(ctx) }()
	for _, x := range t.Exchanges {
		r.note(sender.Send(ctx, x.Name, "", &message.Message{Expiration: "doctor"}))
	}
	stop()
	r.note(<-ended)
}
