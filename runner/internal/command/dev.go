package command

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/engine"
)

func (p *Program) devCommand() *cobra.Command {
	return &cobra.Command{
		Use: "dev", Short: "Run the workers with a broker in memory, for development", Args: exactly(0),
		Long: `Run the workers of the configuration. If broker.url is empty, also run a broker in the same
process, in memory, for development. Other commands find this broker by
themselves; other programs use the AMQP_URL that is printed. Without a configuration file,
an example is used. The default of admin.console is full, so that the console permits actions.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.run(cmd.Context(), p.development, func(e *engine.Group, address string) { p.suggest(e, address) })
		},
	}
}

// development reads the configuration, or the example if there is no file. If the broker
// URL is empty, it sets the broker in memory.
func (p *Program) development() (*config.Config, error) {
	s, err := p.source(false)
	if err != nil {
		return nil, err
	}
	if s.Data == nil {
		p.hintf("%s does not exist, so an example is used; \"runner config init\" writes it to a file.", s.Name)
		s.Name, s.Data = "the example", config.Init()
	}
	c, err := config.Load(s)
	if err != nil {
		return nil, err
	}
	if c.Broker.IsEmpty() || c.Broker.IsEmbedded() { // also by a variable
		s.Flags["broker.url"] = config.Embedded
	}
	if c.Origin("admin.console") == "default" {
		s.Flags["admin.console"] = "full"
	}
	s.Runnable = true
	return config.Load(s)
}

// suggest prints commands to try, with names from the configuration.
func (p *Program) suggest(e *engine.Group, address string) {
	p.hintf("\nThe workers are running. Try in another terminal:\n")
	if exchange, key := sample(e.Config()); key != "" {
		p.hintf("  runner publish %q %s --data '{\"hello\":\"world\"}'%s", exchange, key, p.fileFlag())
	}
	p.hintf("  runner queues watch%s\n  runner dlq ls%[1]s", p.fileFlag())
	if address != "" {
		p.hintf("  curl http://%s/readyz", address)
	}
	if address != "" && e.Config().Admin.Console != "off" {
		p.hintf("\nThe console shows the processes, queues and dead letters:\n\n  http://%s%s", address, consolePath)
	}
	if url := e.EmbeddedURL(); url != "" {
		p.hintf("\nTo use its broker from other programs:\n\n  export AMQP_URL=%s\n", url)
	}
	p.hintf("Press Ctrl-C to drain and stop.\n")
}

// sample returns an exchange and a routing key of a handler. The key is empty if all keys
// have wildcards.
func sample(c *config.Config) (exchange, key string) {
	for _, q := range c.Queues {
		for _, h := range q.Handlers {
			if !strings.ContainsAny(h.Key, "*#") {
				return q.Exchange, h.Key
			}
		}
	}
	return "", ""
}
