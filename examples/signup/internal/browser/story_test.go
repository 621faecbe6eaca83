package browser_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/warren-mq/warren/examples/signup/internal/brokertest"
	"github.com/warren-mq/warren/examples/signup/internal/browser"
	"github.com/warren-mq/warren/examples/signup/internal/demo"
	"github.com/warren-mq/warren/internal/rabbit"
)

// The pictures need Debian's fonts-inter and fonts-urw-base35:
//
//	AMQP_URL=embedded: go test -C examples/signup/internal/browser -pictures "$PWD/docs/images"
var pictures = flag.String("pictures", "", "write pictures for the documentation into this folder, which exists")

// TestTheStory goes through the demo in a browser, as a person who tries it out would.
func TestTheStory(t *testing.T) {
	s := begin(t)
	s.signUp("Ada", "ada@example.test")
	s.look(s.person, "signed-up", false)
	s.followTheVerification("ada@example.test")
	s.signUpAgain("ada@example.test")
	s.breakTheMailServer()
	s.rememberRetries()
	s.signUp("Bob", "bob@example.test")
	s.seeRetriesAndDeadLetters()
	s.mendAndReplay()
	s.seeTheMails("bob@example.test")
	s.seeTheJourney()
	s.scaleAPool()
	s.killTheConnection()
	s.bounce("cleo@example.test")
	s.signUpThousands()
	s.overtakeAFlood()
}

// story uses two tabs: one signs up, the other shows the live page.
type story struct {
	t                       *testing.T
	site                    string
	prefix                  string
	person, watcher         *browser.Tab
	welcomeLane, verifyLane string
}

// begin starts the demo on the test's broker, and opens the tabs.
func begin(t *testing.T) *story {
	t.Helper()
	rabbit.NeedsNetwork(t, "the demo cuts its own connections")
	prefix := rabbit.Queue(t) + "."
	if *pictures == "" {
		ch := rabbit.Channel(t, rabbit.URL(t))
		t.Cleanup(func() { brokertest.Remove(t, ch, prefix) })
	} else {
		prefix = "" // so that the pictures show plain queue names; the broker is discarded
	}
	d, err := demo.New(t.Context(), demo.Config{
		Broker: rabbit.URL(t), Data: t.TempDir(), Prefix: prefix, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the demo ended with %v", err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	b := browser.Open(t)
	desk := browser.Looks()[0]
	return &story{
		t: t, site: d.Site(), prefix: prefix, person: b.Tab(t, desk), watcher: b.Tab(t, desk),
		welcomeLane: lane(prefix + "welcome-email"), verifyLane: lane(prefix + "verification-email"),
	}
}

func lane(queue string) string { return fmt.Sprintf(`[data-queue="%s"]`, queue) }

// signUp signs up a person, and checks that the page shows how long the answer took.
func (s *story) signUp(name, email string) {
	s.t.Helper()
	s.person.Go(s.site)
	s.person.Fill("#name", name)
	s.person.Fill("#email", email)
	s.person.Fill("#password", "correct horse battery staple")
	s.person.Follow("button.first")
	s.person.Until("the answer says how long it took", `document.querySelector("#answer[data-ms]") !== null`)
	ms := browser.Eval[string](s.person, `document.querySelector("#answer").dataset.ms`)
	if took, err := strconv.ParseFloat(ms, 64); err != nil || took <= 0 || took > 10_000 {
		s.t.Errorf("the answer took %q ms", ms)
	}
	s.t.Logf("%s has an answer after %s ms", name, ms)
}

// followTheVerification goes from the answer to the inbox, and follows the link in the
// verification mail.
func (s *story) followTheVerification(email string) {
	s.t.Helper()
	s.person.Follow(".next a[href^='/inbox']")
	s.person.Until("both mails are there", `document.querySelectorAll("tbody tr").length === 2`)
	s.look(s.person, "inbox", false)
	s.person.Follow("a.follow[data-kind=verification]")
	if title := s.person.Text("h1"); title != "Your address is confirmed" {
		s.t.Errorf("the link leads to %q, and the page says %q", title, s.person.Text("main"))
	}
	s.t.Logf("%s is verified", email)
}

// signUpAgain signs up with an address that has an account. The answer must be the same as for
// a new address, and the owner must get a mail with a link to reset the password.
func (s *story) signUpAgain(email string) {
	s.t.Helper()
	s.signUp("Mallory", email)
	if text := s.person.Text("main"); !strings.Contains(text, "Thank you, Mallory") || !strings.Contains(text, "This page does not reveal") {
		s.t.Errorf("the page says %q", text)
	}
	s.person.Follow(".next a[href^='/inbox']")
	s.person.Until("the owner's mail has arrived", `document.querySelectorAll("tbody tr").length === 3`)
	s.person.Follow("a.follow[data-kind='known address']")
	if title := s.person.Text("h1"); title != "Forgotten password" {
		s.t.Errorf("the link leads to %q", title)
	}
}

// breakTheMailServer slows down the mail server on the live page, signs up one person the old
// way, and then stops the mail server.
func (s *story) breakTheMailServer() {
	s.t.Helper()
	s.watcher.Go(s.site + "/live")
	s.watcher.Press("button[value=slow-mail]")
	s.mood("Slow")
	s.watcher.Press("#sync-1")
	s.watcher.Until("both ways have a latency", `document.querySelector("#new-p99") !== null && document.querySelector("#old-p99") !== null`)
	s.t.Logf("the p99 is %s, and %s the old way", s.watcher.Text("#new-p99"), s.watcher.Text("#old-p99"))
	s.watcher.Press("button[value=stop-mail]")
	s.mood("Stopped")
}

func (s *story) mood(want string) {
	s.t.Helper()
	s.watcher.Until("the mail server is "+want, `document.querySelector("#mood").textContent === "`+want+`"`)
}

// rememberRetries makes the page record that a message waited for its next attempt. The wait
// lasts only seconds, while the other tab is still signing up.
func (s *story) rememberRetries() {
	s.t.Helper()
	browser.Eval[bool](s.watcher, `new MutationObserver(() => { window.retried ||= `+figure(s.welcomeLane, "retrying")+` > 0 })
		.observe(document.body, {subtree: true, childList: true, characterData: true}), true`)
}

func (s *story) seeRetriesAndDeadLetters() {
	s.t.Helper()
	s.watcher.Until("the welcome mail waited for its next attempt", "window.retried === true")
	s.t.Log("the welcome mail waited for its next attempt")
	for _, lane := range []string{s.welcomeLane, s.verifyLane} {
		s.watcher.Until("there is a dead letter", figure(lane, "dead")+" === 1")
	}
	s.t.Log("both mails are dead letters")
}

func figure(lane, name string) string {
	return fmt.Sprintf("Number(document.querySelector('%s [data-v=%s]').textContent.replaceAll(',', ''))", lane, name)
}

func (s *story) mendAndReplay() {
	s.t.Helper()
	s.makeTrouble()
	s.watcher.Press("button[value=mend-mail]")
	s.mood("Well")
	for _, lane := range []string{s.welcomeLane, s.verifyLane} {
		s.watcher.Press(lane + " button[value=replay]")
		s.watcher.Until("no dead letter is left", figure(lane, "dead")+" === 0")
		s.watcher.Until("the replay has ended", `document.querySelector("#doing") === null`)
	}
}

// seeTheMails waits until both mails are in the inbox, which updates by itself.
func (s *story) seeTheMails(email string) {
	s.t.Helper()
	s.person.Follow(".next a[href^='/inbox']")
	s.person.Until("both mails are there", `document.querySelectorAll("tbody tr").length === 2`)
	s.t.Logf("%s has both mails", email)
}

// seeTheJourney opens the journey from one of the mails, and checks its steps.
func (s *story) seeTheJourney() {
	s.t.Helper()
	s.person.Follow("tbody th a")
	s.person.Follow("a[href^='/journey/']")
	s.person.Until("the whole is done", `document.querySelector("[role=status] .state.done") !== null`)
	for _, state := range []string{"retrying", "dead", "done"} {
		if n := browser.Eval[int](s.person, `document.querySelectorAll(".journey > .`+state+`").length`); n == 0 {
			s.t.Errorf("the journey lacks a step with state %s:\n%s", state, s.person.Text("main"))
		}
	}
	s.look(s.person, "journey", true)
}

func (s *story) scaleAPool() {
	s.t.Helper()
	hands := `document.querySelectorAll('` + s.welcomeLane + ` .hands circle').length`
	before := browser.Eval[int](s.watcher, hands)
	s.watcher.Press(s.welcomeLane + " .pool button:last-child")
	s.watcher.Until("the pool has one hand more", fmt.Sprintf("%s === %d", hands, before+1))
}

func (s *story) killTheConnection() {
	s.t.Helper()
	broker := `document.querySelector("section[aria-labelledby=broker]").innerText`
	s.watcher.Press("button[value=kill-connection]")
	s.watcher.Until("the page shows the loss, and the workers have reconnected", broker+`.includes(", lost ") && `+broker+`.includes("Connected")`)
}

// bounce makes an address bounce, signs it up, and checks that both mails are dead-lettered at
// once.
func (s *story) bounce(email string) {
	s.t.Helper()
	s.watcher.Fill("#address", email)
	s.watcher.Press("button[value=bounce]")
	s.watcher.Until("the address bounces", `document.querySelector("[aria-labelledby=mailserver]").innerText.includes("`+email+`")`)
	s.signUp("Cleo", email)
	for _, lane := range []string{s.welcomeLane, s.verifyLane} {
		s.watcher.Until("there is a dead letter", figure(lane, "dead")+" === 1")
	}
}

// look takes pictures of the page if -pictures is set, and checks it with axe-core.
// TestPagesShutNobodyOut tests the other looks.
func (s *story) look(tab *browser.Tab, name string, whole bool) {
	s.t.Helper()
	s.shoot(tab, name, whole, browser.Looks()[:3])
	for _, v := range tab.Violations() {
		s.t.Errorf("%s: %s", name, v)
	}
}

// shoot takes pictures of the page in the looks if -pictures is set.
func (s *story) shoot(tab *browser.Tab, name string, whole bool, looks []browser.Look) {
	s.t.Helper()
	if *pictures == "" {
		return
	}
	for _, look := range looks {
		phone := look.Width < 600
		if !whole && !phone {
			look.Height = 640 // the page has no more content
		}
		tab.Look(look)
		tab.Shoot(filepath.Join(*pictures, "signup-"+name+"-"+look.Name+".png"), whole && !phone)
	}
	tab.Look(browser.Looks()[0])
}

// makeTrouble causes more retries for the picture of the live page, and checks that page.
func (s *story) makeTrouble() {
	s.t.Helper()
	if *pictures != "" {
		s.watcher.Press("button[name=count][value='100']")
		s.watcher.Until("mails wait for their next attempt", figure(s.welcomeLane, "retrying")+" > 20")
	}
	s.look(s.watcher, "live", true)
}
