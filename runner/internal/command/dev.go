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
		Long: `Run the workers of the configuration and, if it names no broker, one in the same process:
in memory, for development. Other commands find it by themselves, and other programs by the
AMQP_URL that is printed. Without a configuration file there is an example.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.run(cmd.Context(), p.development, func(e *engine.Engine, address string) { p.suggest(e, address) })
		},
	}
}

// development reads the configuration, or the example if there is no file. Without a
// broker URL it is the broker in memory.
func (p *Program) development() (*config.Config, error) {
	s, err := p.source(false)
	if err != nil {
		return nil, err
	}
	if s.Data == nil {
		p.hintf("There is no %s, so this is an example; \"runner config init\" writes it.", s.Name)
		s.Name, s.Data = "the example", config.Init()
	}
	c, err := config.Load(s)
	if err != nil {
		return nil, err
	}
	if c.Broker.IsEmpty() || c.Broker.IsEmbedded() { // also by a variable
		s.Flags["broker.url"] = config.Embedded
	}
	s.Runnable = true
	return config.Load(s)
}

// suggest says what to do next, with the names of the configuration.
func (p *Program) suggest(e *engine.Engine, address string) {
	p.hintf("\nAt work. In another terminal:\n")
	if exchange, key := sample(e.Config()); key != "" {
		p.hintf("  runner publish %q %s --data '{\"hello\":\"world\"}'%s", exchange, key, p.fileFlag())
	}
	p.hintf("  runner queues watch%s\n  runner dlq ls%[1]s", p.fileFlag())
	if address != "" {
		p.hintf("  curl http://%s/readyz", address)
	}
	if url := e.EmbeddedURL(); url != "" {
		p.hintf("\nOther programs reach its broker after:\n\n  export AMQP_URL=%s\n", url)
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
