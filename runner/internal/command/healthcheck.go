package command

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/runner/internal/admin"
)

// health holds the flags of healthcheck.
type health struct {
	url     string
	ready   bool
	timeout time.Duration
}

func (p *Program) healthcheckCommand() *cobra.Command {
	var h health
	c := &cobra.Command{
		Use: "healthcheck", Short: "Report by the exit status whether a running runner is alive, or ready", Args: exactly(0),
		Long: `Report by the exit status whether a running runner is alive, or ready: 0 if it is, 1 if not.

It requests /livez, or /readyz with --ready, from the admin interface, and is meant for the
HEALTHCHECK of a container, a probe of Kubernetes or a script of systemd. Without --url it reads
the address from the configuration, and fails if the configuration is wrong. A running runner
keeps its old configuration in that case, so prefer --url where a failure restarts the process.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.healthcheck(cmd.Context(), h) },
	}
	f := c.Flags()
	f.StringVar(&h.url, "url", "", "the `URL` of the admin interface, such as http://127.0.0.1:8081")
	f.BoolVar(&h.ready, "ready", false, "check readiness, as /readyz reports it")
	f.DurationVar(&h.timeout, "timeout", 3*time.Second, "the limit of the check")
	return c
}

func (p *Program) healthcheck(ctx context.Context, h health) error {
	client, err := p.healthClient(h)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, h.timeout, fmt.Errorf("no answer within %v", h.timeout))
	defer cancel()
	err = client.Live(ctx)
	if err == nil && h.ready {
		err = client.Ready(ctx)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = fmt.Errorf("runner: healthcheck of %s: %w", client.Address, cause)
	}
	return err
}

// healthClient returns a client for the address of --url, or of the configuration. Every error
// of the configuration has status 1, because status 2 and higher have no meaning for Docker.
func (p *Program) healthClient(h health) (admin.Client, error) {
	if h.timeout <= 0 {
		return admin.Client{}, usage(fmt.Errorf("runner: --timeout is %v, want more than 0", h.timeout))
	}
	if h.url != "" {
		u, err := url.Parse(h.url)
		if err != nil || u.Scheme != "http" || u.Port() == "" || strings.Trim(u.Path, "/") != "" {
			return admin.Client{}, usage(fmt.Errorf("runner: --url is %q, want http://HOST:PORT", h.url))
		}
		return admin.Client{Address: u.Host}, nil
	}
	c, err := p.whole(false)
	if err != nil {
		return admin.Client{}, &statusError{exitFailed, err}
	}
	client, err := p.client(c)
	if err != nil {
		err = &statusError{exitFailed, err}
	}
	return client, err
}
