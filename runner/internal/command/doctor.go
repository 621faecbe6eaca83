package command

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
)

// finding is the result of a check.
type finding struct {
	Check   string `json:"check"`
	Status  string `json:"status"` // ok, warning, error or skipped
	Finding string `json:"finding"`
	Remedy  string `json:"remedy,omitempty"`
}

// examination is a run of doctor. Checks add findings and do not stop the run.
type examination struct {
	program  *Program
	whole    *config.Config // of all brokers
	name     string         // of the broker; see config.Config.Of
	config   *config.Config // the part of the broker
	broker   broker.Config
	session  *amqp.Session // nil if no node can be reached
	findings []finding
}

func (p *Program) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check the configuration, the broker and this machine for problems", Args: exactly(0),
		Long: `Check the configuration, the broker and this machine for problems, and show what to do.
The checks are: the connection, TLS and credentials; the user's permissions; the version of
RabbitMQ; conflicts in the topology; dead letters, and delayed messages that no process takes;
queues with replicas on too few nodes and policies that remove messages (both with
broker.management_url); timeouts and limits; and the programs and files that the handlers
need.

Doctor declares and changes nothing. It tests permissions with requests that the broker
always rejects; the broker may log them. The exit status is 7 if there is an error.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e := &examination{program: p, name: p.settings.broker}
			var err error
			if e.whole, err = p.whole(false); err != nil {
				return err
			}
			if e.config, err = p.ofBroker(e.whole); err != nil {
				return err
			}
			if len(e.config.Queues) == 0 {
				e.adopt(p.runningConfig(cmd.Context(), e.config))
			}
			e.examine(cmd.Context())
			if err := p.show(findingTable(e.findings)); err != nil {
				return err
			}
			if n := e.number("error"); n > 0 {
				return &statusError{exitUnhealthy, fmt.Errorf("runner: doctor found %d errors and %d warnings", n, e.number("warning"))}
			}
			return nil
		},
	}
}

// adopt replaces the configuration by the one of the running runner.
func (e *examination) adopt(c *config.Config) {
	if c != e.config {
		e.whole, e.name, e.config = c, "", c
	}
}

// manages reports whether the runner declares Warren's own queues.
func (e *examination) manages() bool { return topology.Mode(e.config.Broker.Topology).Manages() }

func (e *examination) examine(ctx context.Context) {
	e.checkWork()
	e.checkBroker(ctx)
	var version string
	if e.session == nil {
		for _, check := range []string{"version", "permissions", "fleet", "topology", "queues", "delays", "members", "policies"} {
			e.addf(check, "skipped", "", "there is no connection to the broker")
		}
	} else {
		version = e.session.BrokerVersion()
		e.checkVersion()
		e.checkTopology(ctx)
		e.checkPermissions(ctx)
		e.checkFleet(ctx)
		e.checkDepths(ctx)
		e.checkDelays(ctx)
		e.checkMembers(ctx)
		e.checkPolicies(ctx)
		_ = e.session.Close() // the checks are done
	}
	e.checkTimeouts(version)
	e.checkLimits()
	e.checkHeartbeat()
	e.checkDescriptors()
	e.checkCommands()
	e.checkCodecs()
	e.checkClock()
	e.checkAdmin(ctx)
}

// checkWork makes the same check as "runner run".
func (e *examination) checkWork() {
	if len(e.config.Queues) == 0 && len(e.config.Schedules) == 0 {
		e.failf("config", `"runner config init" writes an example.`, "the configuration has neither queues nor schedules, so runner run does not start")
	}
}

func (e *examination) addf(check, status, remedy, format string, args ...any) {
	e.findings = append(e.findings, finding{check, status, fmt.Sprintf(format, args...), remedy})
}

func (e *examination) okf(check, format string, args ...any) {
	e.addf(check, "ok", "", format, args...)
}

func (e *examination) warnf(check, remedy, format string, args ...any) {
	e.addf(check, "warning", remedy, format, args...)
}

func (e *examination) failf(check, remedy, format string, args ...any) {
	e.addf(check, "error", remedy, format, args...)
}

// number counts the findings of a status, of all checks or of the named ones.
func (e *examination) number(status string, checks ...string) (n int) {
	for _, f := range e.findings {
		if f.Status == status && (len(checks) == 0 || slices.Contains(checks, f.Check)) {
			n++
		}
	}
	return n
}

// okUnlessf adds an ok, unless the check has added findings. Before is the number of
// findings before the check.
func (e *examination) okUnlessf(before int, check, format string, args ...any) {
	if len(e.findings) == before {
		e.okf(check, format, args...)
	}
}

func findingTable(findings []finding) result {
	r := result{header: []string{"CHECK", "STATUS", "FINDING"}}
	for _, f := range findings {
		r.rows = append(r.rows, []string{f.Check, f.Status, f.Finding})
		if f.Remedy != "" {
			r.rows = append(r.rows, []string{"", "", "=> " + f.Remedy})
		}
		r.values = append(r.values, f)
	}
	return r
}
