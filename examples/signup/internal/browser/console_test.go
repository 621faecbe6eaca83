package browser_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/console"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/examples/signup/internal/browser"
	"github.com/warren-mq/warren/fleet"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/schedule"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// night is a broker in memory with workers whose messages fail, and a console that shows them.
type night struct {
	t    *testing.T
	cfg  broker.Config
	url  string
	well atomic.Bool // the payment provider is up again
	paid atomic.Int64

	schedules *schedule.Scheduler
}

const consoleToken = "0123456789abcdef"

// newNight returns a night whose console links to the consoles of brokers, if there are any.
func newNight(t *testing.T, brokers ...console.Link) *night {
	t.Helper()
	b := devbroker.New()
	n := &night{t: t, cfg: broker.Config{URL: b.URL(), Dial: b.DialContext}}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	n.schedules = schedule.New(schedule.Config{
		Name: "night", Broker: n.cfg, Logger: slog.New(slog.DiscardHandler),
		Entries: []schedule.Entry{{Name: "report", Cron: "30 3 * * 1-5", Key: "orders"}},
	})
	first := n.worker("v1.0.0")
	n.run(first.Run)
	n.run(n.worker("v1.0.0").Run)
	n.run(n.schedules.Run)
	c, err := console.New(console.Config{
		Broker: n.cfg, Control: true, Logger: slog.New(slog.DiscardHandler), Topology: first.Topology,
		Token: func() (string, error) { return consoleToken, nil }, Brokers: brokers,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c)
	n.run(c.Run)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	n.url = server.URL + "/console/"
	return n
}

// run calls what in the background until the test ends.
func (n *night) run(what func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- what(ctx) }()
	n.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			n.t.Errorf("Run returned %v", err)
		}
	})
}

// worker returns a worker of the queues orders and slow, which announces the version and the
// scheduler.
func (n *night) worker(version string) *worker.Worker {
	w := worker.New(worker.Config{Broker: n.cfg, Logger: slog.New(slog.DiscardHandler), Fleet: &fleet.Config{
		Version: version,
		Schedule: func() fleet.Schedule {
			h := n.schedules.Health()
			return fleet.Schedule{Group: "night", Role: h.Role, Reasons: h.Reasons}
		},
		RunSchedule: n.schedules.RunNow,
	}})
	w.Queue(worker.Queue{Name: "orders", Exchange: "shop", Concurrency: 4, Retry: retry.Policy{MaxAttempts: 1}}).Handle("order.*", handler.Func(n.order))
	w.Queue(worker.Queue{Name: "slow", Retry: retry.Policy{MaxAttempts: 1}}).Handle("#", handler.Func(hang))
	return w
}

func hang(ctx context.Context, _ *message.Message) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// order fails in three ways.
func (n *night) order(_ context.Context, m *message.Message) error {
	switch kind := m.Headers.String("kind"); {
	case n.well.Load() && kind == "provider":
		n.paid.Add(1)
		return nil
	case kind == "provider":
		return retry.Permanent(errors.New("payment provider: 503 Service Unavailable"))
	case kind == "typo" && string(m.Body) == `{"email":"ada@example.orgg"}`:
		return retry.Permanent(errors.New("mail: no such domain"))
	case kind == "junk":
		return retry.Permanent(errors.New("order: unknown product"))
	}
	return nil
}

// publish publishes messages of a kind, with the ids KIND-0 and so on.
func (n *night) publish(kind, body string, count int, options ...broker.Option) {
	n.t.Helper()
	p := broker.NewPublisher(n.cfg, "shop")
	for i := range count {
		o := append([]broker.Option{
			broker.WithMessageID(fmt.Sprintf("%s-%d", kind, i)), broker.WithHeader("kind", kind), broker.WithContentType("application/json"),
		}, options...)
		if err := p.Publish(n.t.Context(), "order.placed", []byte(body), o...); err != nil {
			n.t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		n.t.Fatal(err)
	}
}

// hang publishes a message whose handler hangs.
func (n *night) hang(id string) {
	n.t.Helper()
	p := broker.NewPublisher(n.cfg, "")
	if err := p.Publish(n.t.Context(), "slow", "x", broker.WithMessageID(id)); err != nil {
		n.t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		n.t.Fatal(err)
	}
}

// ready waits until the workers have declared their queues.
func (n *night) ready(tab *browser.Tab) {
	tab.Go(n.url + "queues")
	tab.Until("both processes consume", `document.querySelector("#state").innerText.includes("consuming 2")`)
}

// login logs in as Ada.
func (n *night) login(tab *browser.Tab) { n.loginAs(tab, "Ada") }

func (n *night) loginAs(tab *browser.Tab, user string) {
	tab.Go(n.url)
	tab.Fill("#user", user)
	tab.Fill("#token", consoleToken)
	tab.Follow("form button.first")
}

// press follows a link or presses a button by its text, and expects a page with the title.
func press(t *testing.T, tab *browser.Tab, text, title string) {
	t.Helper()
	tab.FollowText(text)
	tab.Until("the page "+title+" is shown", `document.title.startsWith(`+strconv.Quote(title)+`)`)
}

func TestABadNightInTheConsole(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	tab := open(t).Tab(t, browser.Looks()[0])
	n.login(tab)
	n.ready(tab)
	n.publish("provider", `{"order":1}`, 40)
	n.publish("typo", `{"email":"ada@example.orgg"}`, 1)
	n.publish("junk", `{"product":"?"}`, 3)

	tab.Go(n.url)
	tab.Until("the overview says what is wrong", `document.body.innerText.includes("Queue orders has 44 dead letters")`)
	picture(tab, "console-overview")
	press(t, tab, "Show the groups", "Dead letters of orders")
	tab.Until("there are three groups", `document.querySelectorAll("tbody tr").length === 3`)
	picture(tab, "console-dead-letters")

	// The canaries stop a replay that comes too early.
	press(t, tab, "Replay the group", "Replay to orders")
	press(t, tab, "Only count them", "Action: count")
	tab.Until("they are counted", `document.querySelector("#state").innerText.includes("40 would be replayed")`)
	tab.Go(n.url + "deadletters/orders?fresh=1")
	press(t, tab, "Replay the group", "Replay to orders")
	press(t, tab, "Replay", "Action: replay")
	tab.Until("the canaries have stopped it", `document.querySelector("#job-state").innerText === "failed" && document.body.innerText.includes("canary")`)

	// The provider is up again.
	n.well.Store(true)
	tab.Go(n.url + "deadletters/orders?fresh=1")
	tab.Until("there are three groups", `document.querySelectorAll("tbody")[0].rows.length === 3`)
	press(t, tab, "Replay the group", "Replay to orders")
	press(t, tab, "Replay", "Action: replay")
	tab.Until("all are replayed", `document.querySelector("#job-state").innerText === "done" && document.querySelector("#state").innerText.includes("40 of ")`)

	// The next shift finds a note.
	tab.Go(n.url + "deadletters/orders/letter?id=junk-0")
	tab.Fill("#note-text", "not a product of ours, discard it")
	press(t, tab, "Keep the note", "Dead letter")
	tab.Until("the note is shown", `document.querySelector(".note").innerText.includes("not a product of ours")`)

	// One message is edited.
	tab.Go(n.url + "deadletters/orders/letter?id=typo-0")
	press(t, tab, "Edit and replay", "Edit message")
	tab.Fill("#body", `{"email":"ada@example.org"}`)
	press(t, tab, "Show what changes", "Edit message")
	tab.Until("the difference is shown", `document.querySelector(".minus").innerText.includes("orgg") && !document.querySelector(".plus").innerText.includes("orgg")`)
	press(t, tab, "Replay the edited message", "Dead letters of orders")
	tab.Until("it is replayed", `document.querySelector(".notice").innerText.includes("Its new id is")`)

	// The rest is of no use.
	press(t, tab, "Discard all", "Discard dead letters of orders")
	tab.Fill("#confirm", "orders")
	press(t, tab, "Remove them for good", "Action: discard")
	tab.Until("they are removed", `document.querySelector("#job-state").innerText === "done"`)
	tab.Go(n.url)
	tab.Until("all is well", `document.querySelector("#state .lead").innerText.startsWith("All is well")`)
}

func TestAQueueIsPausedAndAHandlerCancelledInTheConsole(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	tab := open(t).Tab(t, browser.Looks()[0])
	n.login(tab)
	n.ready(tab)
	tab.Go(n.url + "queues/orders")
	press(t, tab, "Pause everywhere", "Queue orders")
	tab.Until("both processes have paused", `document.body.innerText.includes("is paused everywhere (2 processes)")`)
	press(t, tab, "Resume everywhere", "Queue orders")
	tab.Until("both consume", `!document.body.innerText.includes("is paused")`)

	n.hang("stuck/1")
	tab.Go(n.url + "working")
	tab.Until("the message is in hand", `document.querySelector("#state").innerText.includes("stuck/1")`)
	press(t, tab, "Stack", "Stack on process")
	tab.Until("the stack is shown", `document.querySelector("pre").innerText.includes("browser_test.hang")`)
	press(t, tab, "Cancel and dead-letter", "Stack on process")
	tab.Go(n.url + "deadletters/slow")
	tab.Until("it is a dead letter", `document.querySelectorAll("tbody tr").length === 1`)

	tab.Go(n.url + "schedules")
	tab.Until("the leader has stored its schedules", `document.querySelector("#state, main").innerText.includes("every Monday to Friday at 03:30")`)
	press(t, tab, "Run now", "Schedules")
	tab.Until("the message of the schedule was published", `document.querySelector(".notice").innerText.includes("Published the message of schedule report now, on 1 process")`)

	n.publish("later", `{"order":2}`, 1, broker.WithDelay(time.Minute))
	tab.Go(n.url + "delayed")
	tab.Until("it waits", `document.querySelector("#state").innerText.includes("exchange shop") && [...document.querySelectorAll("td.n")].some(e => e.innerText === "1")`)
	press(t, tab, "exchange shop", "Delayed for exchange shop")
	press(t, tab, "Run now", "Delayed for exchange shop")
	tab.Until("it was published", `document.querySelector(".notice").innerText.includes("published now")`)
}

func TestConsolePagesAreAccessible(t *testing.T) {
	t.Parallel()
	n := newNight(t, console.Link{Name: "broker", Path: "/console/"}, console.Link{Name: "billing", Path: "/console/broker/billing/"})
	b := open(t)
	first := b.Tab(t, browser.Looks()[0])
	n.login(first)
	n.ready(first)
	n.publish("provider", `{"order":1}`, 3)
	n.publish("later", `{"order":2}`, 2, broker.WithDelay(time.Hour/100))
	n.hang("stuck")
	first.Go(n.url + "working")
	first.Until("a message is in hand", `document.querySelector("#state").innerText.includes("stuck")`)
	first.Go(n.url + "delayed")
	first.Until("a message waits", `document.querySelector("#state").innerText.includes("exchange shop")`)
	process := browser.Eval[string](first, `fetch("`+n.url+`api/processes").then(r => r.json()).then(v => v.processes[0].id)`)
	parking := topology.ExchangeParking("shop")
	first.Go(n.url + "deadletters/orders/letter?id=provider-0")
	first.Fill("#note-text", "the provider is down until noon")
	press(t, first, "Keep the note", "Dead letter")
	audit(t, b, n.url, map[string]string{
		"console-overview": "", "console-queues": "queues", "console-queue": "queues/orders", "console-working": "working",
		"console-stack": "working/" + process, "console-processes": "processes", "console-deadletters": "deadletters",
		"console-groups": "deadletters/orders", "console-letters": "deadletters/orders/letters",
		"console-letter": "deadletters/orders/letter?id=provider-0", "console-replay": "deadletters/orders/replay",
		"console-discard": "deadletters/orders/discard", "console-edit": "deadletters/orders/edit?id=provider-0", "console-jobs": "jobs",
		"console-notes":   "deadletters/orders/notes",
		"console-delayed": "delayed", "console-delays": "delayed/" + parking, "console-schedules": "schedules",
		"console-topology": "topology?plan=1", "console-publish": "publish", "console-login": "login",
	})
}
