package app

import (
	"context"
	"errors"
	"strings"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// declared returns the topology that all roles need.
func declared(c Config) topology.Topology {
	all := &App{config: c, handled: new(dedupe.SQL), subscriptions: make(map[string]*worker.Subscription)} // never run
	w := worker.New(worker.Config{})
	all.subscribe(w, Roles())
	return w.Topology()
}

// Remove deletes the queues with the prefix, and their messages. The prefix must not be
// empty. The exchange is kept, since it holds no messages.
func Remove(ctx context.Context, c broker.Config, prefix string) error {
	session, err := amqp.Dial(ctx, amqp.Config(c), "remove")
	if err != nil {
		return err
	}
	for _, q := range declared(Config{Prefix: prefix}).Queues {
		if strings.Contains(q.Name, prefix) { // other programs share the queues without it
			_, e := session.DeleteQueue(ctx, q.Name)
			err = errors.Join(err, e)
		}
	}
	return errors.Join(err, session.Close())
}
