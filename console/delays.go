package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/topology"
)

// delayedPage is the data of the list of parking queues.
type delayedPage struct {
	Parkings []parking `json:"parkings"`
	Levels   int       `json:"levels"` // messages that are due later, of all queues
	Span     span      `json:"span"`
}

func (c *Console) delayed(r *http.Request) (any, error) {
	s := c.now.Load()
	p := delayedPage{Levels: s.Levels}
	p.Parkings, p.Span = paged(r, s.Parkings)
	return p, nil
}

// delaysPage is the data of the list of the delayed messages of one queue.
type delaysPage struct {
	Queue    string          `json:"queue"` // the parking queue
	For      string          `json:"for"`
	Exchange bool            `json:"exchange"`
	Held     int             `json:"held"`
	Flying   int             `json:"in_flight"`
	Ready    int             `json:"ready"`
	Levels   int             `json:"levels"`
	Messages []fleet.Delayed `json:"messages"`
	Span     span            `json:"span"`
}

var errParking = errors.New("console: want the name of a parking queue, such as orders.delay")

// keepers returns the processes that consume a parking queue.
func (c *Console) keepers(queue string) (some []fleet.Seen, err error) {
	if !topology.IsParking(queue) {
		return nil, invalid(errParking)
	}
	for _, s := range c.now.Load().seen {
		if !s.Missing && slices.ContainsFunc(s.Parking, func(p fleet.Parking) bool { return p.Queue == queue }) {
			some = append(some, s)
		}
	}
	if len(some) == 0 {
		return nil, notFound(errNoProcess)
	}
	return some, nil
}

// askKeepers sends a command to the processes that consume a parking queue. It leaves out the
// answers of those that do not have what the command names, unless none has it.
func (c *Console) askKeepers(r *http.Request, cmd fleet.Command) ([]reply, error) {
	to, err := c.keepers(cmd.Queue)
	if err != nil {
		return nil, err
	}
	replies, err := c.send(r.Context(), to, cmd)
	if err != nil {
		return nil, err
	}
	some := slices.DeleteFunc(slices.Clone(replies), func(one reply) bool { return one.unknown })
	if len(some) == 0 {
		return nil, notFound(errors.New("console: " + replies[0].Error))
	}
	if !slices.ContainsFunc(some, func(one reply) bool { return one.Error == "" }) {
		return nil, errors.New("console: " + some[0].Error)
	}
	return some, nil
}

func (c *Console) delays(r *http.Request) (any, error) {
	queue := r.PathValue("queue")
	page, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("page"), "1"))
	page = min(max(page, 1), 1e6)
	if err != nil {
		page = 1
	}
	p := delaysPage{Queue: queue, Messages: []fleet.Delayed{}}
	p.For, p.Exchange = parkedFor(queue)
	replies, err := c.askKeepers(r, fleet.Command{Name: fleet.DelayList, Queue: queue, Offset: (page - 1) * pageSize, Limit: pageSize})
	if err != nil {
		return nil, err
	}
	for _, one := range replies {
		if one.answer == nil || one.answer.Delays == nil {
			continue
		}
		d := one.answer.Delays
		p.Held, p.Flying = p.Held+boundedInt(d.Held), p.Flying+boundedInt(d.Flying)
		p.Messages = append(p.Messages, d.Messages...)
	}
	slices.SortStableFunc(p.Messages, func(a, b fleet.Delayed) int { return a.Due.Compare(b.Due) })
	p.Span = span{From: (page-1)*pageSize + 1, To: (page-1)*pageSize + len(p.Messages), Total: p.Held, Page: page, Prev: page - 1}
	if p.Span.To < p.Held && len(p.Messages) > 0 {
		p.Span.Next = page + 1
	}
	s := c.now.Load()
	p.Levels = s.Levels
	for _, one := range s.Parkings {
		if one.Queue == queue {
			p.Ready = one.Ready
		}
	}
	return p, nil
}

// delayPage is the data of the page of a delayed message.
type delayPage struct {
	fleet.Delayed
	Queue   string     `json:"queue"`
	For     string     `json:"for"`
	Present []header   `json:"header_list"`
	Shown   letterPage `json:"-"`
}

func (c *Console) delay(r *http.Request) (any, error) {
	queue := r.PathValue("queue")
	replies, err := c.askKeepers(r, fleet.Command{Name: fleet.DelayShow, Queue: queue, ID: r.URL.Query().Get("id")})
	if err != nil {
		return nil, err
	}
	for _, one := range replies {
		if one.answer == nil || one.answer.Delayed == nil {
			continue
		}
		p := delayPage{Delayed: *one.answer.Delayed, Queue: queue, Present: []header{}}
		p.For, _ = parkedFor(queue)
		for name, value := range p.Headers {
			p.Present = append(p.Present, header{name, headerText(value)})
		}
		slices.SortFunc(p.Present, func(a, b header) int { return cmp.Compare(a.Name, b.Name) })
		p.Shown.showBody(p.Body)
		p.Shown.Size, p.Shown.Clipped = p.Bytes, p.Clipped
		return p, nil
	}
	return nil, notFound(errNoProcess)
}

// changeDelay returns the action that runs or cancels a delayed message.
func (c *Console) changeDelay(name string) action {
	done := map[string]string{fleet.DelayRun: "published now", fleet.DelayCancel: "removed"}[name]
	return func(r *http.Request, v values) (outcome, error) {
		id, err := v.need("id")
		if err != nil {
			return outcome{}, err
		}
		queue := r.PathValue("queue")
		replies, err := c.askKeepers(r, fleet.Command{Name: name, Queue: queue, ID: id})
		if err != nil {
			return outcome{}, err
		}
		return outcome{Text: fmt.Sprintf("Message %s is %s.", line(id), done), Detail: replies, Page: pageOf("delayed", queue)}, nil
	}
}

// waitsFor describes what a delayed message waits for.
func waitsFor(what string) string {
	switch what {
	case "target":
		return "its queue, which refuses messages"
	case "level":
		return "a level"
	}
	return "its due time"
}
