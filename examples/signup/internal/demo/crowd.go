package demo

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/topology"
)

// forgetful is the address whose password is reset.
const forgetful = "forgetful@example.com"

// floodAccount begins the made-up account ids of a flood. Their journeys are not recorded.
const floodAccount = "flood-"

// crowd signs up n people, each with a request to path.
func (d *Demo) crowd(path string, n int) (string, error) {
	people := some(n, "person")
	doing := "Signing up " + people + "."
	return doing, d.job.begin(doing, func(ctx context.Context) string {
		done, err := d.signUpCrowd(ctx, path, crowdName(), n, n > many)
		if err == nil {
			return "Signed up " + people + "."
		}
		return d.cut(ctx, "Signed up "+live.Count(done)+" of "+people, err)
	})
}

func crowdName() string { return strings.ToLower(rand.Text()[:6]) }

// signUpCrowd signs up the n people of a crowd, each with a request to path, and returns how many
// are signed up. The old way signs them up one after the other; the new way sends as many requests
// at a time as the processors can handle. With a shared password there is one hash to compute.
func (d *Demo) signUpCrowd(ctx context.Context, path, name string, n int, shared bool) (done int, err error) {
	person, atATime := d.crowds.person, 1
	if shared {
		person = d.crowds.extra
	}
	if path == live.PostSignUp {
		atATime = runtime.GOMAXPROCS(0)
		if shared {
			atATime *= 4
		}
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atATime}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	return d.forEach(ctx, n, atATime, func(i int) error {
		return d.signUp(ctx, client, path, person(name, i))
	})
}

// forEach calls f for 1 to n, atATime calls at a time, and shows the progress. It returns
// the number of calls that succeeded, and the first error.
func (d *Demo) forEach(ctx context.Context, n, atATime int, f func(int) error) (done int, err error) {
	var next atomic.Int64
	var mu sync.Mutex
	var all sync.WaitGroup
	for range atATime {
		all.Go(func() {
			for i := next.Add(1); i <= int64(n) && ctx.Err() == nil; i = next.Add(1) {
				failed := f(int(i))
				mu.Lock()
				if err = cmp.Or(err, failed); failed == nil {
					done++
				}
				d.job.say("Signing up: " + live.Count(done) + " of " + live.Count(n) + ".")
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return done, cmp.Or(err, ctx.Err())
}

// cut returns the result of an action that was stopped or failed before its end.
func (d *Demo) cut(ctx context.Context, done string, err error) string {
	if ctx.Err() != nil {
		return done + ", and was stopped."
	}
	d.log.Error("demo: action failed before its end", "done", done, "error", err)
	return done + ": " + err.Error()
}

func (d *Demo) signUp(ctx context.Context, client *http.Client, path string, in account.Input) error {
	return d.post(ctx, client, path, url.Values{"email": {in.Email}, "name": {in.Name}, "password": {in.Password}})
}

func (d *Demo) post(ctx context.Context, client *http.Client, path string, form url.Values) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.site+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode >= http.StatusBadRequest {
		err = errors.Join(err, fmt.Errorf("demo: %s: %s", path, answer.Status))
	}
	return errors.Join(err, answer.Body.Close())
}

// floodAndReset publishes n sign-ups, and then requests one password reset.
func (d *Demo) floodAndReset(n int) (string, error) {
	what := some(n, "sign-up") + " and one password reset"
	doing := "Publishing " + what + "."
	return doing, d.job.begin(doing, func(ctx context.Context) string {
		if err := d.flood(ctx, n); err != nil {
			return d.cut(ctx, "Published only a part", err)
		}
		return "Published " + what + "."
	})
}

func (d *Demo) flood(ctx context.Context, n int) error {
	who := account.New(account.Input{Email: forgetful, Name: "Forgetful"}, "none")
	who, err := d.app.Accounts().Add(ctx, who, nil)
	if err != nil {
		return err
	}
	items := make([]broker.Item, n)
	for i := range items {
		p := d.crowds.extra("flood", i)
		items[i] = broker.Item{Key: event.SignedUpKey, Body: event.SignedUp{AccountID: floodAccount + rand.Text(), Email: p.Email, Name: p.Name, At: time.Now().UTC()}}
	}
	if err := d.app.Publisher().PublishBatch(ctx, items...); err != nil {
		return err
	}
	d.watch.direct.Add(int64(n) + 1)
	waiting, err := d.waiting(ctx, d.prefix+app.WelcomeQueue)
	if err != nil {
		return err
	}
	d.watch.mu.Lock()
	d.watch.reset = &pending{Reset: live.Reset{Flood: waiting}, account: who.ID}
	d.watch.mu.Unlock()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	return d.post(ctx, client, live.ResetPath, url.Values{"email": {forgetful}})
}

// waiting returns the number of messages in the queue.
func (d *Demo) waiting(ctx context.Context, queue string) (int, error) {
	session, err := amqp.Dial(ctx, amqp.Config(d.config), "look")
	if err != nil {
		return 0, err
	}
	state, err := session.State(ctx, queue)
	return state.Messages, errors.Join(err, session.Close())
}

func (d *Demo) replayQueue(ctx context.Context, queue string) (done int, err error) {
	result, err := deadletter.New(d.config).Replay(ctx, topology.DeadLetterQueue(queue), deadletter.Replay{
		By: "the live page",
		Progress: func(r deadletter.Result) {
			d.job.say("Replaying the dead letters of " + queue + ": " + live.Count(r.Done) + " of " + live.Count(r.Total) + ".")
		},
	})
	return result.Done, err
}
