package command

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/warren-mq/warren/runner/internal/admin"
	"github.com/warren-mq/warren/runner/internal/config"
)

const defaultFile = "config.yaml"

// check returns the faults of the flags of all commands.
func (s *settings) check() error {
	if !slices.Contains([]string{"table", "json", "jsonl", "yaml"}, s.format) {
		return usage(fmt.Errorf("runner: --output is %q, want table, json, jsonl or yaml", s.format))
	}
	for _, assignment := range s.set {
		if path, _, ok := strings.Cut(assignment, "="); !ok || path == "" {
			return usage(fmt.Errorf("runner: --set is %q, want PATH=VALUE", assignment))
		}
	}
	return nil
}

// flags returns the settings of --set, by path.
func (s *settings) flags() map[string]string {
	flags := make(map[string]string, len(s.set))
	for _, assignment := range s.set {
		path, value, _ := strings.Cut(assignment, "=")
		flags[path] = value
	}
	return flags
}

// source reads the configuration file: the file of -c, or ./config.yaml. Without -c the
// file may be missing, unless must is set.
func (p *Program) source(must bool) (config.Source, error) {
	s := config.Source{Name: p.fileName(), Handlers: slices.Sorted(maps.Keys(p.Go.Handlers)), Batches: slices.Sorted(maps.Keys(p.Go.Batches)), Flags: p.settings.flags()}
	must = must || p.settings.file != ""
	data, err := config.ReadFile(s.Name, config.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) && !must {
		return s, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; \"runner config init\" writes one", err)
	}
	if err != nil {
		return s, &statusError{exitConfig, fmt.Errorf("runner: %w", err)}
	}
	s.Data = data
	return s, nil
}

// former reads a former configuration from another file.
func (p *Program) former(name string) (*config.Config, error) {
	data, err := config.ReadFile(name, config.MaxBytes)
	if err != nil {
		return nil, &statusError{exitConfig, fmt.Errorf("runner: --was: %w", err)}
	}
	c, err := config.Load(config.Source{Name: name, Data: data, Handlers: slices.Sorted(maps.Keys(p.Go.Handlers)), Batches: slices.Sorted(maps.Keys(p.Go.Batches)), Flags: p.settings.flags()})
	if err != nil {
		return nil, err
	}
	return p.ofBroker(c)
}

// fileName returns the file of -c, or the default.
func (p *Program) fileName() string { return cmp.Or(p.settings.file, defaultFile) }

// fileFlag returns -c with the file, for suggested commands. It is empty without -c.
func (p *Program) fileFlag() string {
	if p.settings.file == "" {
		return ""
	}
	return " -c " + quoted(p.settings.file)
}

// sameFlags returns -c and --broker as they were given, for suggested commands.
func (p *Program) sameFlags() string { return p.fileFlag() + brokerFlag(p.settings.broker) }

// brokerFlag returns --broker with the name, for suggested commands.
func brokerFlag(name string) string {
	if name == "" {
		return ""
	}
	return " --broker " + quoted(name)
}

// quoted returns word in quotes if a shell needs them.
func quoted(word string) string {
	if strings.Trim(word, plainCharacters) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

const plainCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+:@%,"

// load reads the configuration of the broker that --broker names; see whole.
func (p *Program) load(must bool) (*config.Config, error) {
	c, err := p.whole(must)
	if err != nil {
		return nil, err
	}
	return p.ofBroker(c)
}

// ofBroker returns the part of c for the broker that --broker names.
func (p *Program) ofBroker(c *config.Config) (*config.Config, error) {
	names := make([]string, 0, len(c.Brokers))
	for _, b := range c.Brokers {
		names = append(names, b.Name)
	}
	name := p.settings.broker
	part := c.Of(name)
	switch {
	case part == nil:
		return nil, usage(fmt.Errorf("runner: --broker is %q, which is not in brokers%s", name, didYouMean(name, names)))
	case name == "" && len(names) > 0 && c.Broker.IsEmpty():
		return nil, usage(fmt.Errorf("runner: broker.url is empty, want --broker NAME: %s", strings.Join(names, ", ")))
	}
	return part, nil
}

// whole reads the configuration of all brokers; see source. Without a file, the broker is
// AMQP_URL.
func (p *Program) whole(must bool) (*config.Config, error) {
	s, err := p.source(must)
	if err != nil {
		return nil, err
	}
	if s.Data == nil {
		s.Name, s.Data = "no file", []byte("broker: {url: '${AMQP_URL:-}'}\n")
	}
	c, err := config.Load(s)
	if err != nil {
		return nil, err
	}
	for _, warning := range c.Warnings() {
		p.hintf("runner: warning: %s", warning)
	}
	return c, nil
}

// runnable reads the configuration of a runner, which must have a file.
func (p *Program) runnable() (*config.Config, error) {
	s, err := p.source(true)
	if err != nil {
		return nil, err
	}
	s.Runnable = true
	c, err := config.Load(s)
	if err != nil || p.settings.broker == "" {
		return c, err
	}
	return p.ofBroker(c)
}

// explain returns the text of an error. For a wrong configuration, the text on a terminal
// includes the faulty lines.
func (p *Program) explain(err error) string {
	var wrong *config.Error
	if errors.As(err, &wrong) && isTerminal(p.Stderr) {
		return strings.TrimRight(wrong.Verbose(), "\n")
	}
	return err.Error()
}

// client returns a client for the runner that runs c.
func (p *Program) client(c *config.Config) (admin.Client, error) {
	if c.Admin.Listen == "none" {
		return admin.Client{}, usage(errors.New("runner: admin.listen is disabled; enable it to use this command"))
	}
	client := admin.Client{Address: c.Admin.Listen}
	if c.Admin.Token.IsZero() {
		return client, nil
	}
	token, err := c.Admin.Token.Reveal()
	if err != nil {
		return client, fmt.Errorf("runner: admin.token: %w", err)
	}
	client.Token = token
	return client, nil
}

// isTerminal reports whether stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

var errNoBroker = errors.New(`runner: broker.url is empty or embedded:, which means the broker of a running runner, and no runner is running:
start "runner dev", or set AMQP_URL or broker.url to a RabbitMQ`)
