package console

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/warren-mq/warren/internal/diagram"
	"github.com/warren-mq/warren/topology"
)

// planTime bounds the comparison of the topology with the broker.
const planTime = 20 * time.Second

// topologyPage is the data of the page of the topology.
type topologyPage struct {
	diagram.Diagram
	Drawing template.HTML `json:"-"`
	Plan    []planned     `json:"plan,omitempty"`
	Planned bool          `json:"planned"`
	Fault   string        `json:"fault,omitempty"`
}

// planned is an exchange or a queue that is not on the broker as the topology has it.
type planned struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Action string `json:"action"` // create or conflict
	Note   string `json:"note,omitempty"`
}

// topology draws the flow of the messages. With plan in the address it also compares the
// topology with the broker, which changes nothing.
func (c *Console) topology(r *http.Request) (any, error) {
	t := c.config.Topology()
	d := diagram.Of(t)
	s := c.now.Load()
	for i := range s.Queues {
		retried := false
		for _, p := range s.Parkings {
			retried = retried || p.For == s.Queues[i].Name && !p.Exchange
		}
		if t := (topology.WorkQueue{Name: s.Queues[i].Name}); t.Validate() == nil && !slices.Contains(d.Nodes, diagram.Queue(t.Name)) {
			d.AddWorkQueue(t.Name, s.Queues[i].DLQ, retried)
		}
	}
	c.addSchedules(r.Context(), &d, s)
	var out bytes.Buffer
	if err := d.SVG(&out); err != nil {
		return nil, err
	}
	p := topologyPage{Diagram: d, Drawing: template.HTML(out.String())} //nolint:gosec // package diagram escapes the names
	if r.URL.Query().Get("plan") != "" {
		p.Planned = true
		p.plan(r.Context(), c, t)
	}
	return p, nil
}

// addSchedules connects the schedules that the console has read to their exchanges.
func (c *Console) addSchedules(ctx context.Context, d *diagram.Diagram, s *snapshot) {
	for _, g := range s.Groups {
		state, err := c.states.get(ctx, c, g.Group)
		if err != nil {
			continue // the page of the schedules shows it
		}
		for _, e := range state.Entries {
			d.Connect(diagram.Schedule(e.Name), diagram.Exchange(e.Exchange), e.Key, false)
		}
	}
}

// plan compares the topology with the broker.
func (p *topologyPage) plan(ctx context.Context, c *Console, t topology.Topology) {
	l := c.link.Load()
	if l == nil {
		p.Fault = errOffline.Error()
		return
	}
	ctx, cancel := context.WithTimeout(ctx, planTime)
	defer cancel()
	changes, err := l.session.Probe(ctx, t)
	if err != nil {
		p.Fault = line(err.Error())
		return
	}
	for _, one := range changes {
		if one.Action == topology.Same {
			continue
		}
		shown := planned{Kind: one.Kind, Name: one.Name, Action: string(one.Action)}
		if e := one.Conflict; e != nil {
			shown.Note = fmt.Sprintf("%s is %s, wanted %s", e.Argument, e.Current, e.Wanted)
		}
		if one.Err != nil {
			shown.Note = one.Err.Error()
		}
		p.Plan = append(p.Plan, shown)
	}
}
