package command

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/engine"
)

func (p *Program) devCommand() *cobra.Command {
	return &cobra.Command{
		Use: "dev", Short: "Run everything on this machine, and say what to try", Args: exactly(0),
		Long: `Run the workers of the configuration and, if it names no RabbitMQ, a broker in the same
process: in memory, for development. Other commands find it by themselves. Without a
configuration file there is an example.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.exampleOr()
			if err != nil {
				return err
			}
			return p.run(cmd.Context(), c, func(e *engine.Engine, address string) { p.suggest(e, address) })
		},
	}
}

// exampleOr is the configuration, or the example if there is no file.
func (p *Program) exampleOr() (*config.Config, error) {
	s, err := p.source(false)
	if err != nil {
		return nil, err
	}
	if s.Data == nil {
		p.hintf("There is no %s, so this is an example; \"runner config init\" writes it.", s.Name)
		s.Name, s.Data = "the example", config.Init()
	}
	return config.Load(s)
}

// suggest says what to do next, with the names of the configuration.
func (p *Program) suggest(e *engine.Engine, address string) {
	p.hintf("\nAt work. In another terminal:\n")
	if exchange, key := sample(e.Config()); key != "" {
		p.hintf("  runner publish %q %s --data '{\"hello\":\"world\"}'", exchange, key)
	}
	p.hintf("  runner queues watch\n  runner dlq ls")
	if address != "" {
		p.hintf("  curl http://%s/readyz", address)
	}
	if url := e.EmbeddedURL(); url != "" {
		p.hintf("\nOther programs reach the embedded broker by AMQP_URL=%s", url)
	}
	p.hintf("Ctrl-C drains and ends.\n")
}

// sample is an exchange and a routing key that some handler takes; no key if there is
// none without wildcards.
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
