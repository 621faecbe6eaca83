package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/message"
)

// choicePage is the data of the pages on which an operator chooses how to replay or discard.
type choicePage struct {
	*lettersPage
	ID      string `json:"id,omitempty"` // of one dead letter
	Confirm string `json:"confirm"`      // what to type before they are discarded
}

// choose shows what an action would concern.
func (c *Console) choose(r *http.Request) (any, error) {
	p, err := c.lettersOf(r)
	if err != nil {
		return nil, err
	}
	f, err := deadletter.ParseFilter(p.Filter)
	if err != nil {
		return nil, invalid(err)
	}
	return choicePage{p, f.ID, confirmation(p.Work, p.Queue)}, nil
}

// selected returns the filter of an action. An empty one must be meant: all is "all".
func selected(v values) (text string, f deadletter.Filter, err error) {
	text = filterOf(map[string][]string{"filter": {v["filter"]}, "group": {v["group"]}, "id": {v["id"]}})
	if f, err = deadletter.ParseFilter(text); err != nil {
		return text, f, invalid(err)
	}
	if text == "" && v["all"] == "" {
		return text, f, invalid(errors.New("console: want a filter, a group, an id, or all"))
	}
	return text, f, nil
}

const maxCanary = 1000

func (c *Console) replay(r *http.Request, v values) (outcome, error) {
	queue, dlq, err := c.work(r)
	if err != nil {
		return outcome{}, err
	}
	text, filter, err := selected(v)
	if err != nil {
		return outcome{}, err
	}
	rate, err := v.rate("rate")
	canary, err2 := v.number("canary", 0, maxCanary)
	wait, err3 := v.duration("canary_wait", 24*time.Hour)
	if err := errors.Join(err, err2, err3); err != nil {
		return outcome{}, err
	}
	what := "replay"
	if v["dry_run"] != "" && v["dry_run"] != "false" {
		what = "count"
	}
	j := job{What: what, Work: queue, Queue: dlq, Filter: text, By: visitorOf(r).User}
	replay := deadletter.Replay{Filter: filter, Rate: rate, Canary: canary, CanaryWait: wait, DryRun: what == "count", By: j.By}
	id, err := c.start(j, func(ctx context.Context, note func(func(*job))) error {
		return c.replayNow(ctx, dlq, replay, note)
	})
	if err != nil {
		return outcome{}, err
	}
	return outcome{Text: fmt.Sprintf("The %s of dead letters of %s has begun.", what, line(queue)), Detail: map[string]string{"job": id}, Page: "jobs/" + id}, nil
}

func (c *Console) replayNow(ctx context.Context, dlq string, r deadletter.Replay, note func(func(*job))) error {
	unlock, err := c.reads.lock(ctx, dlq)
	if err != nil {
		return err
	}
	if r.Rate > 0 {
		unlock() // a slow replay lets others read
	} else {
		defer unlock()
	}
	r.Progress = func(n deadletter.Result) { note(func(j *job) { j.tally(n) }) }
	r.OnCanary = func(s deadletter.CanaryState) { note(func(j *job) { j.Canary = line(s.String()) }) }
	n, err := c.client.Replay(ctx, dlq, r)
	note(func(j *job) { j.tally(n) })
	if !r.DryRun {
		c.reads.forget(dlq)
	}
	return err
}

func (c *Console) discard(r *http.Request, v values) (outcome, error) {
	queue, dlq, err := c.work(r)
	if err != nil {
		return outcome{}, err
	}
	text, filter, err := selected(v)
	if err != nil {
		return outcome{}, err
	}
	if want := confirmation(queue, dlq); v["confirm"] != want {
		return outcome{}, invalid(fmt.Errorf("console: discard: confirm is %q, want %q", line(v["confirm"]), line(want)))
	}
	id, err := c.start(job{What: "discard", Work: queue, Queue: dlq, Filter: text, By: visitorOf(r).User}, func(ctx context.Context, note func(func(*job))) error {
		unlock, err := c.reads.lock(ctx, dlq)
		if err != nil {
			return err
		}
		defer unlock()
		removed := 0
		n, err := c.client.Discard(ctx, dlq, filter, func(deadletter.DeadLetter) error {
			removed++
			note(func(j *job) { j.Done = removed })
			return nil
		})
		note(func(j *job) { j.tally(n) })
		c.reads.forget(dlq)
		return err
	})
	if err != nil {
		return outcome{}, err
	}
	return outcome{Text: "The removal of dead letters of " + line(queue) + " has begun.", Detail: map[string]string{"job": id}, Page: "jobs/" + id}, nil
}

// survey reads many dead letters in the background, for their groups.
func (c *Console) survey(r *http.Request, v values) (outcome, error) {
	queue, dlq, err := c.work(r)
	if err != nil {
		return outcome{}, err
	}
	text := filterOf(map[string][]string{"filter": {v["filter"]}})
	if _, err := deadletter.ParseFilter(text); err != nil {
		return outcome{}, invalid(err)
	}
	total := readMost
	if q := c.now.Load().find(queue); q != nil {
		total = min(max(q.Dead, 1), readMost)
	}
	id, err := c.start(job{What: "read", Work: queue, Queue: dlq, Filter: text, By: visitorOf(r).User, Total: total}, func(ctx context.Context, note func(func(*job))) error {
		unlock, err := c.reads.lock(ctx, dlq)
		if err != nil {
			return err
		}
		defer unlock()
		s, err := c.readLetters(ctx, dlq, text, readMost, func(n int) {
			if n%100 == 0 {
				note(func(j *job) { j.Done = n })
			}
		})
		if err != nil {
			return err
		}
		s.deep = true
		c.reads.put(s)
		note(func(j *job) { j.Done, j.Total = s.Read, s.Read })
		return nil
	})
	if err != nil {
		return outcome{}, err
	}
	return outcome{Text: "Reading dead letters of " + line(queue) + " has begun.", Detail: map[string]string{"job": id}, Page: "jobs/" + id}, nil
}

// check applies Config.Check to a message.
func (c *Console) check(queue string, m *message.Message) error {
	if c.config.Check == nil {
		return nil
	}
	if err := c.config.Check(queue, m); err != nil {
		return &checkError{err}
	}
	return nil
}

// applyEdit replays an edited dead letter.
func (c *Console) applyEdit(r *http.Request, v values) (outcome, error) {
	queue, dlq, err := c.work(r)
	if err != nil {
		return outcome{}, err
	}
	id, err := v.need("id")
	if err != nil {
		return outcome{}, err
	}
	headers, err := headerChanges(v["headers"])
	if err != nil {
		return outcome{}, err
	}
	unlock, err := c.reads.lock(r.Context(), dlq)
	if err != nil {
		return outcome{}, err
	}
	defer unlock()
	edit := deadletter.Edit{Headers: headers, By: visitorOf(r).User, Check: func(m *message.Message) error {
		return c.check(queue, m)
	}}
	if body, ok := v["body"]; ok {
		edit.Body = []byte(body)
	}
	newID, err := c.client.Edit(r.Context(), dlq, id, edit)
	if err != nil {
		if errors.Is(err, deadletter.ErrNotFound) {
			return outcome{}, notFound(fmt.Errorf("%w; another operator may have replayed it", err))
		}
		return outcome{}, &statusError{cmp.Or(refusedStatus(err), statusOf(err)), err}
	}
	c.reads.forget(dlq)
	return outcome{
		Text:   fmt.Sprintf("Replayed the edited message to %s. Its new id is %s.", line(queue), newID),
		Detail: map[string]string{"id": newID}, Page: pageOf("deadletters", queue),
	}, nil
}

// refusedStatus returns the status for a message that Config.Check refuses, or 0.
func refusedStatus(err error) int {
	if errors.As(err, new(*checkError)) {
		return http.StatusUnprocessableEntity
	}
	return 0
}

// checkError is the error of Config.Check.
type checkError struct{ error }

func (e *checkError) Unwrap() error { return e.error }
