package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/rights"
	"github.com/warren-mq/warren/topology"
)

// permitted is what a user of a role needs.
type permitted struct {
	Role string `json:"role"`
	Mode string `json:"mode"`
	topology.Permissions
	Command string `json:"command"`
}

func (p *Program) topologyPermissions() *cobra.Command {
	var role, mode string
	c := &cobra.Command{
		Use: "permissions", Short: "Print the permissions that users need on RabbitMQ for this configuration", Args: exactly(0),
		Long: `Print the regular expressions that a user needs on RabbitMQ for this configuration, and
the command that sets them. They match the names of the configuration, and no others:

  worker      runner run. The console under admin.listen connects as the same user: its pages
              need the permissions of an operator in addition.
  publisher   a program that publishes to the exchanges of the queues.
  delaying    a publisher that delays messages.
  operator    runner fleet, delays, dlq, queues and schedules, and the console. With the mode
              manage also topology plan, apply and migrate.

--mode is the setting broker.topology to compute them for: with manage the programs declare
the topology, with verify and trust they need no permission to configure it. The commands of
an operator that read dead letters or listen to the fleet declare queues of their own in any
mode.`,
		Example: `  runner topology permissions
  runner topology permissions --for worker --mode verify -o json`,
		RunE: func(*cobra.Command, []string) error { return p.permissions(role, topology.Mode(mode)) },
	}
	f := c.Flags()
	f.StringVar(&role, "for", "", "worker, publisher, delaying or operator; empty means all")
	f.StringVar(&mode, "mode", "", "manage, verify or trust; empty means the setting broker.topology")
	return c
}

func (p *Program) permissions(role string, mode topology.Mode) error {
	if err := mode.Validate(); err != nil {
		return usage(fmt.Errorf("runner: --mode: %w", err))
	}
	roles := rights.Roles()
	if role != "" {
		if !slices.Contains(roles, rights.Role(role)) {
			return usage(fmt.Errorf("runner: --for is %q, want %s", role, roleNames()))
		}
		roles = []rights.Role{rights.Role(role)}
	}
	whole, vhost, err := p.wholeAndVHost("")
	if err != nil {
		return err
	}
	if mode != "" {
		whole = rights.WithMode(whole, p.settings.broker, mode)
	}
	r := result{header: []string{"ROLE", "PERMISSION", "PATTERN"}}
	for _, role := range roles {
		r.addPermissions(p.permittedTo(role, whole, vhost))
	}
	return p.show(r)
}

// permittedTo returns the permissions of a role.
func (p *Program) permittedTo(role rights.Role, whole *config.Config, vhost string) permitted {
	x := permitted{
		Role: string(role), Mode: whole.Of(p.settings.broker).Broker.Topology,
		Permissions: rights.Of(role, whole, p.settings.broker).Permissions(),
	}
	words := []string{"rabbitmqctl set_permissions -p", quoted(vhost), "USER", quoted(x.Configure), quoted(x.Write), quoted(x.Read)}
	x.Command = strings.Join(words, " ")
	return x
}

func (r *result) addPermissions(x permitted) {
	r.values = append(r.values, x)
	r.rows = append(r.rows,
		[]string{x.Role, "configure", x.Configure}, []string{"", "write", x.Write}, []string{"", "read", x.Read},
		[]string{"", "", "=> " + x.Command})
	longest := max(len(x.Configure), len(x.Write), len(x.Read))
	if longest > maxPattern {
		r.note = strings.TrimPrefix(fmt.Sprintf("%s\nRabbitMQ 4.3 refuses patterns of more than %d characters, and one of the %s has %d: use a shorter one, such as orders.*",
			r.note, maxPattern, x.Role, longest), "\n")
	}
}

// maxPattern is how long a pattern may be for RabbitMQ 4.3.6.
const maxPattern = 1024

// roleNames returns the roles for an error.
func roleNames() string {
	names := make([]string, 0, len(rights.Roles()))
	for _, r := range rights.Roles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// wholeAndVHost returns the configuration of all brokers, and the virtual host of the broker that
// --broker names, unless vhost is set.
func (p *Program) wholeAndVHost(vhost string) (*config.Config, string, error) {
	whole, err := p.whole(true)
	if err != nil {
		return nil, "", err
	}
	c, err := p.ofBroker(whole)
	if err == nil && vhost == "" {
		vhost, err = virtualHost(c)
	}
	return whole, vhost, err
}

// exported returns the users of "topology export": ROLE=NAME.
func (p *Program) exported(users []string, whole *config.Config, isNew bool) ([]topology.User, error) {
	all := make([]topology.User, 0, len(users))
	for _, text := range users {
		role, name, ok := strings.Cut(text, "=")
		if !ok || name == "" || !slices.Contains(rights.Roles(), rights.Role(role)) {
			return nil, usage(fmt.Errorf("runner: --user is %q, want ROLE=NAME with the role %s", text, roleNames()))
		}
		needs := rights.Of(rights.Role(role), whole, p.settings.broker)
		all = append(all, topology.User{Name: name, New: isNew, Permissions: needs.Permissions()})
	}
	return all, nil
}
