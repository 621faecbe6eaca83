package console

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/warren-mq/warren/deadletter"
)

const (
	maxJobs     = 100 // that are remembered
	maxJobsBusy = 8   // at the same time

	// jobsTime is how long Run waits for jobs whose context has ended. Package deadletter needs
	// less, unless the broker does not answer.
	jobsTime = 5 * time.Second
)

// job is a long action on dead letters, as a page shows it.
type job struct {
	ID      string    `json:"id"`
	What    string    `json:"what"` // a verb phrase, such as "replay"
	Work    string    `json:"work_queue"`
	Queue   string    `json:"queue"` // the dead-letter queue
	Filter  string    `json:"filter,omitempty"`
	By      string    `json:"by"`
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended,omitzero"`
	State   string    `json:"state"` // running, done, failed or cancelled
	Total   int       `json:"total"`
	Done    int       `json:"done"`
	Skipped int       `json:"skipped,omitempty"`
	Newer   int       `json:"newer,omitempty"`
	Failed  int       `json:"failed,omitempty"`
	Canary  string    `json:"canary,omitempty"`
	Error   string    `json:"error,omitempty"`
	Note    string    `json:"note,omitempty"`
	seq     int
	cancel  context.CancelCauseFunc
}

// States of a job.
const (
	running   = "running"
	done      = "done"
	failed    = "failed"
	cancelled = "cancelled"
)

// Part returns how much of the job is done, in percent.
func (j *job) Part() int {
	if j.State == done {
		return 100
	}
	return min(100*(j.Done+j.Skipped+j.Newer+j.Failed)/max(j.Total, 1), 100)
}

// jobs run long actions, and remember their results.
type jobs struct {
	mu      sync.Mutex
	running sync.WaitGroup
	all     map[string]*job
	seq     int
	over    bool
}

var (
	errBusy      = errors.New("console: too many actions are running, wait until one ends")
	errNoJob     = errors.New("console: there is no such action; the console has been restarted, or it was long ago")
	errNotRun    = errors.New("console: Run does not run, so actions cannot run either")
	errCancelled = errors.New("cancelled in the console")
)

// start runs an action until it ends, Run ends or it is cancelled.
func (c *Console) start(j job, run func(ctx context.Context, note func(func(*job))) error) (string, error) {
	if !c.begun.Load() || c.ctx.Err() != nil {
		return "", errNotRun
	}
	ctx, cancel := context.WithCancelCause(c.ctx)
	j.ID, j.Began, j.State, j.cancel = rand.Text(), time.Now(), running, cancel
	if err := c.jobs.add(&j); err != nil {
		cancel(nil)
		return "", err
	}
	go func() {
		defer c.jobs.running.Done()
		defer cancel(nil)
		err := run(ctx, func(change func(*job)) { c.jobs.change(j.ID, change) })
		end := c.jobs.end(j.ID, err, context.Cause(ctx))
		c.log.Info("console: action ended", "user", end.By, "action", end.What, "queue", end.Queue, "filter", end.Filter, "state", end.State,
			"done", end.Done, "failed", end.Failed, "error", end.Error)
	}()
	return j.ID, nil
}

func (j *jobs) add(one *job) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	busy := 0
	for _, other := range j.all {
		if other.State == running {
			busy++
		}
	}
	switch {
	case j.over:
		return errNotRun
	case busy >= maxJobsBusy:
		return &statusError{http.StatusTooManyRequests, errBusy}
	case j.all == nil:
		j.all = make(map[string]*job)
	}
	j.seq++
	one.seq = j.seq
	j.all[one.ID] = one
	j.forget()
	j.running.Add(1)
	return nil
}

// forget drops the oldest jobs that have ended. The caller holds j.mu.
func (j *jobs) forget() {
	for _, old := range slices.Backward(j.sorted()) {
		if len(j.all) <= maxJobs {
			return
		}
		if old.State != running {
			delete(j.all, old.ID)
		}
	}
}

// wait blocks until all jobs have ended, after the end of their context, for jobsTime at most.
// It returns the jobs that still run. No further ones begin.
func (j *jobs) wait() (busy []string) {
	j.mu.Lock()
	j.over = true
	j.mu.Unlock()
	ended := make(chan struct{})
	go func() { j.running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(jobsTime):
		for _, one := range j.list("") {
			if one.State == running {
				busy = append(busy, one.What+" "+one.Queue)
			}
		}
	}
	return busy
}

func (j *jobs) change(id string, change func(*job)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if one := j.all[id]; one != nil {
		change(one)
	}
}

// end records how a job has ended.
func (j *jobs) end(id string, err, cause error) job {
	j.mu.Lock()
	defer j.mu.Unlock()
	one := j.all[id]
	one.Ended, one.State = time.Now(), done
	switch {
	case err != nil && cause != nil:
		one.State = cancelled
		one.Error = line(cause.Error())
	case err != nil:
		one.State, one.Error = failed, shorten(err.Error(), 2000)
	}
	return *one
}

// sorted returns the jobs, the latest first. The caller holds j.mu.
func (j *jobs) sorted() []*job {
	all := make([]*job, 0, len(j.all))
	for _, one := range j.all {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *job) int { return cmp.Compare(b.seq, a.seq) })
	return all
}

// list returns the jobs of a queue, or all if it is empty, the latest first.
func (j *jobs) list(queue string) []job {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := []job{}
	for _, one := range j.sorted() {
		if queue == "" || one.Queue == queue {
			all = append(all, *one)
		}
	}
	return all
}

func (j *jobs) get(id string) (job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if one := j.all[id]; one != nil {
		return *one, nil
	}
	return job{}, notFound(errNoJob)
}

// jobsPage is the data of the list of actions.
type jobsPage struct {
	Jobs []job `json:"jobs"`
}

func (c *Console) showJobs(*http.Request) (any, error) { return jobsPage{c.jobs.list("")}, nil }

func (c *Console) showJob(r *http.Request) (any, error) {
	j, err := c.jobs.get(r.PathValue("id"))
	return &j, err
}

func (c *Console) cancelJob(r *http.Request, _ values) (outcome, error) {
	j, err := c.jobs.get(r.PathValue("id"))
	if err != nil {
		return outcome{}, err
	}
	j.cancel(errCancelled)
	return outcome{Text: "Cancelling. What was done stays done.", Page: "jobs/" + j.ID}, nil
}

// tally copies the counts of a sweep into a job.
func (j *job) tally(r deadletter.Result) {
	j.Total, j.Done, j.Skipped, j.Newer, j.Failed = r.Total, r.Done, r.Skipped, r.Newer, r.Failed
}
