package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/analytics"
	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/billing"
	"github.com/warren-mq/warren/examples/signup/internal/catcher"
	"github.com/warren-mq/warren/examples/signup/internal/welcome"
	"github.com/warren-mq/warren/internal/rabbit"
)

const (
	chaosVariable = "SIGNUP_CHAOS" // how many sign up; 100 if it is not set
	patience      = 5 * time.Minute
	hands         = 8 // of the queues for mails: so many may be between mail and mark when a worker is killed
)

// chaos is a sign-up of real processes, one for each role, which are killed in turn.
type chaos struct {
	t       *testing.T
	proxy   *rabbit.Proxy
	catcher *catcher.Catcher
	address string
	data    string
	prefix  string

	processes map[app.Role]*exec.Cmd
	kills     map[app.Role]int
	cuts      int
	signedUp  atomic.Int64
	again     atomic.Int64 // attempts whose answer did not come: each may have been a sign-up
}

func newChaos(t *testing.T) *chaos {
	t.Helper()
	c := &chaos{
		t: t, prefix: prefix(t), proxy: rabbit.NewProxy(t, rabbit.URL(t)), data: t.TempDir(),
		processes: make(map[app.Role]*exec.Cmd), kills: make(map[app.Role]int),
	}
	var err error
	if c.catcher, err = catcher.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.catcher.Stop(); err != nil {
			t.Error(err)
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0") // the service comes back to the same address
	if err != nil {
		t.Fatal(err)
	}
	c.address = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, role := range app.Roles() {
		c.start(role)
	}
	t.Cleanup(func() {
		for role := range c.processes {
			c.end(role)
		}
		if t.Failed() {
			t.Log(c.logs())
		}
	})
	return c
}

// start starts the process of a role.
func (c *chaos) start(role app.Role) {
	c.t.Helper()
	cmd := exec.Command(os.Args[0], "-role", string(role), "-addr", c.address, "-data", c.data, "-prefix", c.prefix)
	cmd.Env = append(os.Environ(), childVariable+"=1", "AMQP_URL="+c.proxy.URL(), "SMTP_URL="+c.catcher.URL(), "SIGNUP_SECRET=s", "DATABASE_URL=")
	log, err := os.OpenFile(filepath.Join(c.data, string(role)+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	if err := log.Close(); err != nil { // the child has its own
		c.t.Error(err)
	}
	c.processes[role] = cmd
}

// end kills the process of a role, without a word.
func (c *chaos) end(role app.Role) {
	c.t.Helper()
	cmd := c.processes[role]
	if err := cmd.Process.Kill(); err != nil {
		c.t.Errorf("%s was gone before it was killed: %v", role, err)
	}
	_ = cmd.Wait() // "signal: killed"
}

// crowd signs n people up, each until the service says that they are, or ctx is done.
func (c *chaos) crowd(ctx context.Context, n int) {
	var next atomic.Int64
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := next.Add(1); i <= int64(n) && ctx.Err() == nil; i = next.Add(1) {
				for !c.signUp(client, i) && ctx.Err() == nil {
					c.again.Add(1)
					<-time.After(50 * time.Millisecond) // a visitor presses the button again
				}
				c.signedUp.Add(1)
			}
		})
	}
	all.Wait()
}

// signUp reports whether the service has accepted person i, whose account may be from
// an earlier attempt whose answer was lost.
func (c *chaos) signUp(client *http.Client, i int64) bool {
	body, err := json.Marshal(account.Input{Email: address(i), Name: "Visitor", Password: "correct horse"})
	if err != nil {
		c.t.Error(err)
	}
	answer, err := client.Post("http://"+c.address+"/signup", "application/json", bytes.NewReader(body))
	if err != nil {
		return false // killed, or not up again
	}
	if err := answer.Body.Close(); err != nil {
		return false
	}
	return answer.StatusCode == http.StatusCreated
}

func address(i int64) string { return fmt.Sprintf("visitor-%d@example.com", i) }

// trouble kills every process and cuts every connection, one after the other, each
// when the crowd is a step further.
func (c *chaos) trouble(n int) {
	const rounds = 2
	steps := rounds * (len(app.Roles()) + 1)
	step := 0
	further := func() {
		step++
		rabbit.Eventually(c.t, patience, func() bool { return c.signedUp.Load() >= int64(n*step/(steps+1)) }, "people sign up")
	}
	for range rounds {
		for _, role := range app.Roles() {
			further()
			c.end(role)
			c.kills[role]++
			c.start(role)
		}
		further()
		c.proxy.Cut()
		c.cuts++
		c.proxy.Restore(c.t)
	}
}

func TestWhateverIsKilledEveryAccountGetsItsMails(t *testing.T) {
	n := 100
	if text := os.Getenv(chaosVariable); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", chaosVariable, err)
		}
	}
	c := newChaos(t)
	begun := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	var crowd sync.WaitGroup
	crowd.Go(func() { c.crowd(ctx, n) })
	defer crowd.Wait()
	defer stop() // before the wait, should the test have failed
	c.trouble(n)
	crowd.Wait()
	c.settle(n)
	c.report(n, time.Since(begun))
}

// settle waits until everything is done that must be done.
func (c *chaos) settle(n int) {
	counter, err := analytics.Open(c.t.Context(), filepath.Join(c.data, "analytics.db"))
	if err != nil {
		c.t.Fatal(err)
	}
	book, err := billing.Open(c.t.Context(), filepath.Join(c.data, "billing.db"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() {
		for _, closing := range []func() error{counter.Close, book.Close} {
			if err := closing(); err != nil {
				c.t.Error(err)
			}
		}
	}()
	var counted, trials int
	rabbit.Eventually(c.t, patience, func() bool {
		counted, _ = counter.Total(c.t.Context()) // busy is not there yet
		trials, _ = book.Trials(c.t.Context())
		return c.people() >= 2*n && counted >= n && trials >= n
	}, "every account is counted, and has its trial and two mails")
	if counted != n || trials != n {
		c.t.Errorf("%d are counted and %d have a trial, want %d", counted, trials, n)
	}
}

// people is how many mails of a new account have come, repeated ones left out.
func (c *chaos) people() (n int) {
	for what := range c.mails() {
		if !strings.HasPrefix(what, welcome.KnownKind) {
			n++
		}
	}
	return n
}

// mails are how often each mail came.
func (c *chaos) mails() map[string]int {
	times := make(map[string]int)
	for _, m := range c.catcher.Inbox("", 1<<20) {
		times[m.Kind+" to "+m.To]++
	}
	return times
}

// report counts what came twice, and fails where nothing explains it: a worker that is
// killed between the mail and the mark sends that mail again, and it has so many in
// hand.
func (c *chaos) report(n int, took time.Duration) {
	store, err := account.Open(c.t.Context(), filepath.Join(c.data, "accounts.db"))
	if err != nil {
		c.t.Fatal(err)
	}
	accounts, err := store.Count(c.t.Context())
	if err := store.DB.Close(); err != nil {
		c.t.Error(err)
	}
	if accounts != n || err != nil {
		c.t.Errorf("there are %d accounts, %v; want %d", accounts, err, n)
	}
	times, twice, told := c.mails(), map[string]int{}, 0
	for i := int64(1); i <= int64(n); i++ {
		told += times[welcome.KnownKind+" to "+address(i)]
		for _, role := range []app.Role{app.Welcome, app.Verification} {
			switch k := times[string(role)+" to "+address(i)]; {
			case k == 0:
				c.t.Errorf("%s has no %s mail", address(i), role)
			case k > 1:
				twice[string(role)] += k - 1
			}
		}
	}
	c.t.Logf("%d sign-ups in %v; killed %v, cut %d times; none lost; mails that came once more: %v; owners told of another sign-up: %d", n, took.Round(time.Second), c.kills, c.cuts, twice, told)
	if most := int(c.again.Load()) + hands*c.kills[app.Welcome]; told > most {
		c.t.Errorf("%d owners are told that they have an account, want at most %d: those who pressed the button again", told, most)
	}
	for _, role := range []app.Role{app.Welcome, app.Verification} {
		if most := hands * c.kills[role]; twice[string(role)] > most {
			c.t.Errorf("%d %s mails came once more, want at most %d: what %d killed workers had in hand", twice[string(role)], role, most, c.kills[role])
		}
	}
}

// logs are the ends of what the processes wrote.
func (c *chaos) logs() string {
	var all strings.Builder
	for _, role := range app.Roles() {
		text, _ := os.ReadFile(filepath.Join(c.data, string(role)+".log"))
		fmt.Fprintf(&all, "\n== %s\n%s", role, text[max(0, len(text)-2000):])
	}
	return all.String()
}
