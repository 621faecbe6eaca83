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
	c := parent("topology", "Plan, declare, migrate, prune, export and draw the exchanges and queues, and the permissions they need")
	c.AddCommand(p.topologyPlan(), p.topologyApply(), p.topologyMigrate(), p.topologyPrune(), p.topologyExport(), p.topologyDiagram(), p.topologyPermissions())
	return c
}

func (p *Program) topologyExport() *cobra.Command {
	var flags exportFlags
	c := &cobra.Command{
		Use: "export", Short: "Print the topology as a definitions.json of RabbitMQ", Args: exactly(0),
		Long: `Print the topology as a definitions.json, which "rabbitmqctl import_definitions" and the
management API read. The default virtual host is the one in broker.url.

It contains policies of a high priority for the dead-letter queues and parking queues, and for
all queues whose names begin with "warren.". They change nothing by themselves, but keep
policies for all queues, with expires, message-ttl, max-length or delivery-limit, from
deleting what waits there. Operator policies apply in addition to policies, so they must leave
these queues out.

--user adds the permissions of a user, as "topology permissions" prints them. The user must
exist. --new-users adds the users themselves, without a password: they cannot log in until
"rabbitmqctl change_password" has set one. For a user that exists, the import would remove the
password.`,
		Example: `  runner topology export > definitions.json && rabbitmqctl import_definitions definitions.json
  runner topology export --user worker=mailer --user operator=ada`,
		RunE: func(*cobra.Command, []string) error { return p.export(flags) },
	}
	f := c.Flags()
	f.StringVar(&flags.vhost, "vhost", "", "`name` of the virtual host")
	f.StringArrayVar(&flags.users, "user", nil, "the permissions of a user, as `ROLE=NAME`; may be repeated")
	f.BoolVar(&flags.isNew, "new-users", false, "also add the users, without passwords")
	return c
}

// exportFlags are the flags of topology export.
type exportFlags struct {
	vhost string
	users []string
	isNew bool
}

func (p *Program) export(flags exportFlags) error {
	whole, vhost, err := p.wholeAndVHost(flags.vhost)
	if err != nil {
		return err
	}
	users, err := p.exported(flags.users, whole, flags.isNew)
	if err != nil {
		return err
	}
	t := wiring.Topology(whole.Of(p.settings.broker))
	data, err := t.Definitions(vhost, users...)
	if err != nil {
		return err
	}
	_, err = p.Stdout.Write(append(printable.JSON(data), '\n'))
	return err
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
