package console

import (
	"errors"
	"net/http"
	"strconv"
)

// pageSize is how many rows a table has.
const pageSize = 50

// span is the part of a list that a page shows.
type span struct {
	From  int `json:"from"` // counted from 1
	To    int `json:"to"`
	Total int `json:"total"`
	Page  int `json:"page"`
	Prev  int `json:"prev,omitempty"`
	Next  int `json:"next,omitempty"`
}

// paged returns the rows of the page that the request asks for.
func paged[T any](r *http.Request, all []T) ([]T, span) {
	page, err := strconv.Atoi(r.URL.Query().Get("page"))
	last := max((len(all)+pageSize-1)/pageSize, 1)
	if err != nil || page < 1 {
		page = 1
	}
	page = min(page, last)
	from := (page - 1) * pageSize
	to := min(from+pageSize, len(all))
	s := span{From: from + 1, To: to, Total: len(all), Page: page, Prev: page - 1}
	if page < last {
		s.Next = page + 1
	}
	return all[from:to], s
}

// overviewPage is the data of the overview.
type overviewPage struct {
	*snapshot
	Verdict string   `json:"verdict"`
	Oldest  *inHand  `json:"oldest_in_hand,omitempty"`
	Waiting *queue   `json:"oldest_waiting,omitempty"` // the queue whose oldest message may wait for longest
	Flow    []sample `json:"flow"`
	Busy    int      `json:"in_hand"`
}

func (c *Console) overview(*http.Request) (any, error) {
	s := c.now.Load()
	p := overviewPage{snapshot: s, Verdict: s.verdict(), Flow: s.history}
	if all := s.inHand(); len(all) > 0 {
		p.Oldest = &all[0]
	}
	for i, q := range s.Queues {
		p.Busy += q.InHand
		if q.Oldest > 0 && (p.Waiting == nil || q.Oldest > p.Waiting.Oldest) {
			p.Waiting = &s.Queues[i]
		}
	}
	return p, nil
}

// queuesPage is the data of the list of queues.
type queuesPage struct {
	Queues []queue `json:"queues"`
	Span   span    `json:"span"`
	Fault  string  `json:"fault,omitempty"`
}

func (c *Console) queues(r *http.Request) (any, error) {
	s := c.now.Load()
	p := queuesPage{Fault: s.Fault}
	p.Queues, p.Span = paged(r, s.Queues)
	return p, nil
}

// queuePage is the data of the page of a queue.
type queuePage struct {
	queue
	Flow     []sample  `json:"flow"`
	Problems []problem `json:"problems"`
	InHandOf []inHand  `json:"messages_in_hand"`

	Replicas      *Replicas `json:"replicas,omitempty"`
	ReplicasFault string    `json:"replicas_fault,omitempty"`
}

var errNoQueue = errors.New("console: no process announces this queue, and the topology does not have it")

func (c *Console) queue(r *http.Request) (any, error) {
	s := c.now.Load()
	q := s.find(r.PathValue("queue"))
	switch {
	case q == nil && s.Fault != "":
		return nil, &statusError{http.StatusServiceUnavailable, errOffline}
	case q == nil:
		return nil, notFound(errNoQueue)
	}
	p := queuePage{queue: *q, Flow: q.history, Problems: q.problems(s), InHandOf: []inHand{}}
	p.Replicas, p.ReplicasFault = c.replicas.get(r.Context(), c.config.Replicas, q.Name)
	for _, m := range s.inHand() {
		if m.Queue == q.Name && len(p.InHandOf) < pageSize {
			p.InHandOf = append(p.InHandOf, m)
		}
	}
	return p, nil
}

// processesPage is the data of the list of processes.
type processesPage struct {
	Processes []process `json:"processes"`
	Commands  []command `json:"commands"`
	Span      span      `json:"span"`
}

func (c *Console) processes(r *http.Request) (any, error) {
	s := c.now.Load()
	p := processesPage{Commands: s.Commands}
	p.Processes, p.Span = paged(r, s.Processes)
	return p, nil
}

// workingPage is the data of the list of messages in hand.
type workingPage struct {
	Queue    string   `json:"queue,omitempty"` // shows this one alone
	Messages []inHand `json:"messages"`
	Span     span     `json:"span"`
	Omitted  int      `json:"omitted,omitempty"`
}

func (c *Console) working(r *http.Request) (any, error) {
	s := c.now.Load()
	p := workingPage{Queue: r.URL.Query().Get("queue")}
	var some []inHand
	for _, m := range s.inHand() {
		if p.Queue == "" || m.Queue == p.Queue {
			some = append(some, m)
		}
	}
	for _, one := range s.Processes {
		p.Omitted += one.Omitted
	}
	p.Messages, p.Span = paged(r, some)
	return p, nil
}
