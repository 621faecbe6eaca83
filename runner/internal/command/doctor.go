package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/runner/internal/config"
)

// finding is what a check has found.
type finding struct {
	Check   string `json:"check"`
	Status  string `json:"status"` // ok, warning, error or skipped
	Finding string `json:"finding"`
	Remedy  string `json:"remedy,omitempty"`
}

// examination is a run of the doctor. A check adds findings, and ends nothing.
type examination struct {
	program  *Program
	config   *config.Config
	broker   broker.Config
	session  *amqp.Session // nil if there is none to be had
	findings []finding
}

func (p *Program) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Look for what is wrong, or will be, and say what to do", Args: exactly(0),
		Long: `Look for what is wrong, or will be, and say what to do: can the broker be reached, by TLS,
with these credentials; may the user do what Warren does; what is to be known of this
version of RabbitMQ; does anything conflict; do time-outs and limits fit together; does
this machine have what the handlers need.

Nothing is declared or changed. Permissions are tried with requests that the broker
refuses in any case, which it may log. The exit status is 7 if there is an error.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.load(false)
			if err != nil {
				return err
			}
			if len(c.Queues) == 0 {
				c = p.runningConfig(cmd.Context(), c)
			}
			e := &examination{program: p, config: c}
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

func (e *examination) examine(ctx context.Context) {
	e.checkWork()
	e.checkBroker(ctx)
	if e.session == nil {
		for _, check := range []string{"version", "permissions", "topology", "queues"} {
			e.addf(check, "skipped", "", "the broker cannot be asked")
		}
	} else {
		e.checkVersion()
		e.checkTopology(ctx)
		e.checkPermissions(ctx)
		e.checkDepths(ctx)
		_ = e.session.Close() // it has served
	}
	e.checkTimeouts()
	e.checkLimits()
	e.checkHeartbeat()
	e.checkDescriptors()
	e.checkCommands()
	e.checkClock()
	e.checkAdmin(ctx)
}

// checkWork judges as "runner run" does.
func (e *examination) checkWork() {
	if len(e.config.Queues) == 0 && len(e.config.Schedules) == 0 {
		e.failf("config", `"runner config init" writes an example.`, "there are neither queues nor schedules, so a runner has nothing to do")
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

// number counts the findings of a status.
func (e *examination) number(status string) (n int) {
	for _, f := range e.findings {
		if f.Status == status {
			n++
		}
	}
	return n
}

// okUnlessf says that all is well, unless something was found since there were before
// findings.
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
