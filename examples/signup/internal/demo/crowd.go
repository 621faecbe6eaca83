package demo

import (
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
)

// forgetful is whose password is reset.
const forgetful = "forgetful@example.com"

// crowd signs n people up, each with a request to path: one after the other in the old
// way, as many at a time as is good for the processors otherwise.
func (d *Demo) crowd(path string, n int) (string, error) {
	doing, atATime, person := fmt.Sprintf("Signing up %d people.", n), 1, d.crowds.person
	if n == 1 {
		doing = "Signing up a person."
	}
	if path == live.PostSignUp {
		atATime = runtime.GOMAXPROCS(0)
	}
	if n > many {
		atATime, person = 4*atATime, d.crowds.extra
	}
	return doing, d.job.begin(doing, func(ctx context.Context) {
		var next, done atomic.Int64
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atATime}, Timeout: time.Minute}
		defer client.CloseIdleConnections()
		crowd := strings.ToLower(rand.Text()[:6])
		var all sync.WaitGroup
		for range atATime {
			all.Go(func() {
				for i := next.Add(1); i <= int64(n) && ctx.Err() == nil; i = next.Add(1) {
					if err := d.signUp(ctx, client, path, person(crowd, int(i))); err != nil {
						d.log.Warn("demo: not signed up", "error", err)
					}
					d.job.say(fmt.Sprintf("Signing up: %d of %d.", done.Add(1), n))
				}
			})
		}
		all.Wait()
	})
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

// floodAndReset publishes n sign-ups, and then asks for one password.
func (d *Demo) floodAndReset(n int) (string, error) {
	doing := fmt.Sprintf("Publishing %d sign-ups, and one password reset behind them.", n)
	return doing, d.job.begin(doing, func(ctx context.Context) {
		if err := d.flood(ctx, n); err != nil {
			d.log.Error("demo: no flood", "error", err)
		}
	})
}

func (d *Demo) flood(ctx context.Context, n int) error {
	who := account.New(account.Input{Email: forgetful, Name: "Forgetful"}, "none")
	if err := d.app.Accounts().Add(ctx, who); err != nil && !errors.Is(err, account.ErrExists) {
		return err
	}
	who, err := d.app.Accounts().ByEmail(ctx, forgetful)
	if err != nil {
		return err
	}
	items := make([]broker.Item, n)
	for i := range items {
		p := d.crowds.extra("flood", i)
		items[i] = broker.Item{Key: event.SignedUpKey, Body: event.SignedUp{AccountID: rand.Text(), Email: p.Email, Name: p.Name, At: time.Now().UTC()}}
	}
	if err := d.app.Publisher().PublishBatch(ctx, items...); err != nil {
		return err
	}
	waiting, err := d.waiting(ctx, d.prefix+app.WelcomeQueue)
	if err != nil {
		return err
	}
	d.watch.mu.Lock()
	d.watch.reset = &pending{Reset: live.Reset{Address: forgetful, Flood: waiting}, account: who.ID}
	d.watch.mu.Unlock()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	return d.post(ctx, client, live.ResetPath, url.Values{"email": {forgetful}})
}

// waiting is how many messages are in the queue now.
func (d *Demo) waiting(ctx context.Context, queue string) (int, error) {
	session, err := broker.Dial(ctx, d.config, "look")
	if err != nil {
		return 0, err
	}
	state, err := session.State(ctx, queue)
	return state.Messages, errors.Join(err, session.Close())
}

func (d *Demo) replayQueue(ctx context.Context, queue string) error {
	_, err := deadletter.New(d.config).Replay(ctx, broker.DeadLetterQueue(queue), deadletter.Replay{
		By: "the live page",
		Progress: func(r deadletter.Result) {
			d.job.say(fmt.Sprintf("Replaying the dead letters of %s: %d of %d.", queue, r.Done, r.Total))
		},
	})
	return err
}
