package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/runner/internal/admin"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/engine"
	"github.com/warren-mq/warren/runner/internal/observe"
	"github.com/warren-mq/warren/schedule"
)

func (p *Program) runCommand() *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "Run the workers and schedules until SIGINT or SIGTERM", Args: exactly(0),
		Long: `Run the workers and schedules of the configuration until SIGINT or SIGTERM, and then drain.

SIGHUP reloads the configuration. Changes of concurrency, retry, paused and log.level take
effect at once. A queue with other changes is drained and started again; the other queues
continue. Settings that need a new process are logged. If the new configuration is wrong,
the old one stays in effect.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.run(cmd.Context(), p.runnable, func(*engine.Group, string) {})
		},
	}
}

// run runs the engine until ctx is done. It reads the configuration with load, now and at
// each reload. Once everything is running, it calls began with the address of the admin
// interface.
func (p *Program) run(ctx context.Context, load func() (*config.Config, error), began func(*engine.Group, string)) (err error) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // never stopped: SIGHUP would end the process before its last spans are sent
	c, err := load()
	if err != nil {
		return err
	}
	log, level := p.logger(c.Log)
	logWarnings(log, c)
	telemetry, err := observe.Start(ctx, c.Telemetry, log)
	if err != nil {
		return err
	}
	defer telemetry.Stop()
	e, err := engine.NewGroup(engine.Options{Config: c, Go: p.Go, Logger: log, Level: level}, telemetry.Of)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()

	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	address, served, err := p.serve(serving, e, telemetry, log)
	if err != nil {
		stop()
		return err
	}
	go p.whenWorking(ctx, e, func() { began(e, address) })
	reloaded := make(chan struct{})
	go func() {
		defer close(reloaded)
		onHangup(serving, hangups, func() { p.reload(serving, load, e, telemetry, log) })
	}()
	err = e.Run(ctx)
	stop()
	<-reloaded // so that a reload that is interrupted by the stop is logged
	return errors.Join(err, <-served)
}

// serve starts the admin interface, unless it is disabled. It returns the address, and a
// channel that receives the result when it ends.
func (p *Program) serve(ctx context.Context, e *engine.Group, t *observe.Telemetry, log *slog.Logger) (string, <-chan error, error) {
	c := e.Config().Admin
	served := make(chan error, 1)
	if c.Listen == "none" {
		served <- nil
		return "", served, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return "", nil, fmt.Errorf("runner: admin.listen: %w", err)
	}
	o := admin.Options{Runner: administered{e}, Token: reveal(c.Token), MetricsToken: reveal(c.MetricsToken), Metrics: t.Metrics(), Logger: log}
	watch, pages, err := consolesOf(e, log)
	if err != nil {
		return "", nil, errors.Join(err, l.Close())
	}
	o.Console = pages
	log.Info("runner: admin interface", "address", l.Addr().String())
	go func() {
		var watching sync.WaitGroup
		watching.Go(func() { watch.run(ctx) })
		err := admin.Serve(ctx, l, o)
		watching.Wait()
		served <- err
	}()
	return l.Addr().String(), served, nil
}

// reveal returns a function that reads a secret at each call. A missing secret is empty.
func reveal(s config.Secret) func() (string, error) {
	if s.IsZero() {
		return func() (string, error) { return "", nil }
	}
	return s.Reveal
}

func (p *Program) whenWorking(ctx context.Context, e *engine.Group, then func()) {
	if e.AwaitWorking(ctx) == nil {
		then()
	}
}

// onHangup calls reload at each SIGHUP, until ctx is done.
func onHangup(ctx context.Context, hangups <-chan os.Signal, reload func()) {
	for {
		select {
		case <-hangups:
			reload()
		case <-ctx.Done():
			return
		}
	}
}

func (p *Program) reload(ctx context.Context, load func() (*config.Config, error), e *engine.Group, t *observe.Telemetry, log *slog.Logger) {
	log.Info("runner: reloading the configuration")
	before := e.Config()
	c, err := load()
	var changes config.Changes
	if err == nil {
		logWarnings(log, c)
		changes, err = e.Reload(ctx, c)
	}
	if old, applies := errors.AsType[*engine.NotDrainedError](err); applies {
		log.Warn("runner: handlers of the old configuration did not end in time", "error", old.Err)
		err = nil
	}
	t.Reloaded(err)
	if err != nil {
		log.Error("runner: reload failed, keeping the old configuration", "error", err)
		return
	}
	log.Info("runner: configuration reloaded", "live", changes.Live, "restarted", changes.Restart, "added", changes.Added,
		"removed", changes.Removed, "schedules", changes.Schedules)
	for _, leftover := range config.Leftovers(before, c) {
		log.Warn("runner: "+leftover.String(), "remove_with", p.pruneCommand(leftover))
	}
	if len(changes.Process) > 0 {
		log.Warn("runner: changed settings need a restart of the process", "settings", changes.Process)
	}
}

func logWarnings(log *slog.Logger, c *config.Config) {
	for _, warning := range c.Warnings() {
		log.Warn("runner: " + warning)
	}
}

// administered adapts an engine for the admin interface.
type administered struct{ *engine.Group }

// Schedules returns the state that the leader last stored. With schedules on several brokers,
// it is the state of the last leader with the entries of all.
func (a administered) Schedules(ctx context.Context) (all schedule.State, err error) {
	for i, b := range a.Scheduling() {
		s, err := schedule.Read(ctx, b, a.Config().Scheduler.Name)
		if err != nil {
			return all, err
		}
		if i > 0 {
			s.Entries = append(all.Entries, s.Entries...)
		}
		all = s
	}
	return all, nil
}

// ShowConfig returns the configuration without secrets.
func (a administered) ShowConfig() []byte { return a.Config().Show(true) }
