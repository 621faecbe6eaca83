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

// refusal matches the broker's error, such as: ACCESS_REFUSED - configure access to queue
// 'q' in vhost '/' refused for user 'u'.
var refusal = regexp.MustCompile(`ACCESS_REFUSED - ([^"]+)`)

// rights tests the user's permissions with invalid requests. The broker checks permissions
// first, so it rejects a request either for the permission or for being invalid.
type rights struct {
	examination *examination
	denied      []string
}

// checkPermissions tests the permissions to configure everything that is declared, to
// write to the exchanges, and to read from the work queues.
func (e *examination) checkPermissions(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r := &rights{examination: e}
	t := wiring.Topology(e.config)
	for _, x := range t.Exchanges {
		// Invalid: alternate-exchange must be a name.
		r.note(e.session.Declare(ctx, topology.Topology{Exchanges: []topology.Exchange{{Name: x.Name, Kind: x.Kind, Arguments: message.Headers{"alternate-exchange": 0}}}}))
	}
	for _, q := range t.Queues {
		// Invalid: the time to live must not be negative.
		r.note(e.session.Declare(ctx, topology.Topology{Queues: []topology.Queue{{Name: q.Name, Arguments: message.Headers{"x-message-ttl": -1}}}}))
	}
	for _, q := range e.config.Queues {
		r.noteRead(ctx, q.Name)
		r.noteRead(ctx, topology.ParkingQueue(q.Name))
	}
	r.tryToWrite(ctx, t)
	for _, what := range r.denied {
		e.failf("permissions", "Run rabbitmqctl set_permissions -p VHOST USER CONFIGURE WRITE READ, with patterns that match the name.", "%s", what)
	}
	if len(r.denied) == 0 {
		e.okf("permissions", "the user may configure %d exchanges and queues, and write to and read from them", len(t.Exchanges)+len(t.Queues))
	}
}

// note records err if the permission was denied.
func (r *rights) note(err error) {
	if err == nil {
		return
	}
	if m := refusal.FindStringSubmatch(err.Error()); m != nil && !slices.Contains(r.denied, m[1]) {
		r.denied = append(r.denied, m[1])
	}
}

// noteRead tests the permission to read. It consumes with an invalid priority.
func (r *rights) noteRead(ctx context.Context, queue string) {
	_, err := r.examination.session.Consume(ctx, amqp.Consume{Queue: queue, Prefetch: 1, Arguments: message.Headers{"x-priority": "doctor"}})
	r.note(err)
}

// tryToWrite tests the permission to write. It publishes with an invalid expiration.
func (r *rights) tryToWrite(ctx context.Context, t topology.Topology) {
	sender := amqp.NewSender(amqp.Config(r.examination.broker), "doctor", nil)
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- sender.Run(ctx) }()
	for _, x := range append(t.Exchanges, topology.Exchange{}) { // and the default exchange, for retries
		r.note(sender.Send(ctx, x.Name, "", &message.Message{Expiration: "doctor"}))
	}
	stop()
	r.note(<-ended)
}
