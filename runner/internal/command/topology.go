package command

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/printable"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

func (p *Program) topologyCommand() *cobra.Command {
	c := parent("topology", "Plan, declare, migrate, prune, export and draw the exchanges and queues")
	c.AddCommand(p.topologyPlan(), p.topologyApply(), p.topologyMigrate(), p.topologyPrune(), p.topologyExport(), p.topologyDiagram())
	return c
}

func (p *Program) topologyExport() *cobra.Command {
	var vhost string
	c := &cobra.Command{
		Use: "export", Short: "Print the topology as a definitions.json of RabbitMQ", Args: exactly(0),
		Long: `Print the topology as a definitions.json, which "rabbitmqctl import_definitions" and the
management API read. The default virtual host is the one in broker.url.`,
		RunE: func(*cobra.Command, []string) error {
			c, err := p.load(true)
			if err != nil {
				return err
			}
			if vhost == "" {
				if vhost, err = virtualHost(c); err != nil {
					return err
				}
			}
			data, err := wiring.Topology(c).Definitions(vhost)
			if err != nil {
				return err
			}
			_, err = p.Stdout.Write(append(printable.JSON(data), '\n'))
			return err
		},
	}
	c.Flags().StringVar(&vhost, "vhost", "", "`name` of the virtual host")
	return c
}

// virtualHost returns the virtual host of c's first URL.
func virtualHost(c *config.Config) (string, error) {
	b, err := wiring.Broker(c.Broker)
	if err != nil {
		return "", err
	}
	u, err := firstURL(b)
	if err != nil {
		return "", err
	}
	return cmp.Or(strings.TrimPrefix(u.Path, "/"), "/"), nil
}

// firstURL returns the first URL of b.
func firstURL(b broker.Config) (*url.URL, error) {
	u, err := url.Parse(cmp.Or(append([]string{b.URL}, b.URLs...)...))
	if err != nil {
		return nil, errors.New("runner: broker.url is not a URL") // without the cause, whose text may contain a password
	}
	return u, nil
}

// withTopology connects to the broker and calls do with the configuration's topology.
func (p *Program) withTopology(ctx context.Context, do func(context.Context, topology.Topology, *amqp.Session) error) error {
	c, err := p.load(true)
	if err != nil {
		return err
	}
	s, err := p.dial(ctx, c)
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, wiring.Topology(c), s), s.Close())
}
