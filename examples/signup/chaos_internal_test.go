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
	chaosVariable = "SIGNUP_CHAOS" // number of sign-ups; the default is 100
	patience      = 5 * time.Minute
	concurrency   = 8 // of the mail queues: the number of mails that may be sent but not recorded when a worker is killed
)

// chaos runs the sign-up as one process for each role, and kills them in turn.
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
	again     atomic.Int64 // requests without an answer: each may have signed up
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
	l, err := net.Listen("tcp", "127.0.0.1:0") // a restarted service listens on the same address
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
	if err := log.Close(); err != nil { // the child has its own descriptor
		c.t.Error(err)
	}
	c.processes[role] = cmd
}

// end kills the process of a role by SIGKILL.
func (c *chaos) end(role app.Role) {
	c.t.Helper()
	cmd := c.processes[role]
	if err := cmd.Process.Kill(); err != nil {
		c.t.Errorf("%s exited before it was killed: %v", role, err)
	}
	_ = cmd.Wait() // "signal: killed"
}

// crowd signs up n people, each until the service accepts the sign-up or ctx is done.
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

// signUp reports whether the service accepted person i. The account may be from an earlier
// request whose answer was lost.
func (c *chaos) signUp(client *http.Client, i int64) bool {
	body, err := json.Marshal(account.Input{Email: address(i), Name: "Visitor", Password: "correct horse"})
	if err != nil {
		c.t.Error(err)
	}
	answer, err := client.Post("http://"+c.address+"/signup", "application/json", bytes.NewReader(body))
	if err != nil {
		return false // the service is killed or not running again yet
	}
	if err := answer.Body.Close(); err != nil {
		return false
	}
	return answer.StatusCode == http.StatusCreated
}

func address(i int64) string { return fmt.Sprintf("visitor-%d@example.com", i) }

// trouble kills every process and cuts every connection, one after the other, each after a
// number of further sign-ups.
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

func TestEveryAccountGetsItsMailsWhenProcessesAreKilled(t *testing.T) {
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
	defer stop() // runs before the wait if the test has failed
	c.trouble(n)
	crowd.Wait()
	c.settle(n)
	c.report(n, time.Since(begun))
}

// settle waits until every account has its count, its trial and its mails.
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
		counted, _ = counter.Total(c.t.Context()) // an error (SQLITE_BUSY) means not yet
		trials, _ = book.Trials(c.t.Context())
		return c.people() >= 2*n && counted >= n && trials >= n
	}, "every account is counted, and has its trial and two mails")
	if counted != n || trials != n {
		c.t.Errorf("%d accounts are counted and %d have a trial, want %d each", counted, trials, n)
	}
}

// people returns the number of accounts' mails that have arrived, without duplicates.
func (c *chaos) people() (n int) {
	for what := range c.mails() {
		if !strings.HasPrefix(what, welcome.KnownKind) {
			n++
		}
	}
	return n
}

// mails returns how often each mail arrived.
func (c *chaos) mails() map[string]int {
	times := make(map[string]int)
	for _, m := range c.catcher.Inbox("", 1<<20) {
		times[m.Kind+" to "+m.To]++
	}
	return times
}

// report counts duplicate mails, and fails if there are more than the kills explain: a worker
// that is killed between sending a mail and recording it sends that mail again, and it handles
// at most concurrency mails at a time.
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
	c.t.Logf("%d sign-ups in %v; killed %v, cut %d times; none lost; duplicate mails: %v; notices to owners: %d", n, took.Round(time.Second), c.kills, c.cuts, twice, told)
	if most := int(c.again.Load()) + concurrency*c.kills[app.Welcome]; told > most {
		c.t.Errorf("%d notices to owners, want at most %d, one for each repeated request", told, most)
	}
	for _, role := range []app.Role{app.Welcome, app.Verification} {
		if most := concurrency * c.kills[role]; twice[string(role)] > most {
			c.t.Errorf("%d duplicate %s mails, want at most %d from %d killed workers", twice[string(role)], role, most, c.kills[role])
		}
	}
}

// logs returns the last lines that the processes wrote.
func (c *chaos) logs() string {
	var all strings.Builder
	for _, role := range app.Roles() {
		text, _ := os.ReadFile(filepath.Join(c.data, string(role)+".log"))
		fmt.Fprintf(&all, "\n== %s\n%s", role, text[max(0, len(text)-2000):])
	}
	return all.String()
}
