package browser_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
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
	t.Parallel()
	s := begin(t)
	s.lookAtTheForms()
	s.signUp("Ada", "ada@example.test")
	s.look(s.person, "signed-up")
	s.followTheVerification("ada@example.test")
	s.signUpAgain("ada@example.test")
	s.breakTheMailServer()
	s.rememberRetries()
	s.signUp("Bob", "bob@example.test")
	s.seeRetriesAndDeadLetters()
	s.fixAndReplay()
	s.seeTheMails("bob@example.test")
	s.seeTheJourney()
	s.scaleAPool()
	s.killTheConnection()
	s.bounce("cleo@example.test")
	s.signUpThousands()
	s.playTheStory()
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
	b := open(t)
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
	s.look(s.person, "inbox")
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
	s.mailStatus("Slow")
	s.watcher.Press("#sync-1")
	s.watcher.Until("both ways have a latency", `document.querySelector("#new-p99") !== null && document.querySelector("#old-p99") !== null`)
	s.t.Logf("the p99 is %s, and %s the old way", s.watcher.Text("#new-p99"), s.watcher.Text("#old-p99"))
	s.watcher.Press("button[value=stop-mail]")
	s.mailStatus("Stopped")
}

func (s *story) mailStatus(want string) {
	s.t.Helper()
	s.watcher.Until("the mail server is "+want, `document.querySelector("#mail-status").textContent === "`+want+`"`)
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

func (s *story) fixAndReplay() {
	s.t.Helper()
	s.watcher.Press("button[value=fix-mail]")
	s.mailStatus("Healthy")
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
	s.look(s.person, "mail")
	s.person.Follow("a[href^='/journey/']")
	s.person.Until("the whole is done", `document.querySelector("[role=status] .state.done") !== null`)
	for _, state := range []string{"retrying", "dead", "replayed", "done"} {
		if n := browser.Eval[int](s.person, `document.querySelectorAll(".journey > .`+state+`").length`); n == 0 {
			s.t.Errorf("the journey lacks a step with state %s:\n%s", state, s.person.Text("main"))
		}
	}
	browser.Eval[bool](s.person, `document.querySelector(".journey .replayed").scrollIntoView({ block: "center" }), true`)
	s.look(s.person, "journey")
}

func (s *story) scaleAPool() {
	s.t.Helper()
	workers := `document.querySelectorAll('` + s.welcomeLane + ` .workers circle').length`
	before := browser.Eval[int](s.watcher, workers)
	s.watcher.Press(s.welcomeLane + " .pool button:last-child")
	s.watcher.Until("the pool has one worker more", fmt.Sprintf("%s === %d", workers, before+1))
}

func (s *story) killTheConnection() {
	s.t.Helper()
	broker := `document.querySelector("section[aria-labelledby=broker]").innerText`
	s.watcher.Press("button[value=kill-connection]")
	s.watcher.Until("the page shows what the cut did", `/^Reconnected in [0-9.]+ m?s, 0 lost/.test(document.querySelector("#cut")?.textContent)`)
	s.t.Log(s.watcher.Text("#cut"))
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

// lookAtTheForms checks the pages that a visitor sees before a sign-up.
func (s *story) lookAtTheForms() {
	s.t.Helper()
	for name, path := range map[string]string{"form": "/", "reset": "/reset"} {
		s.person.Go(s.site + path)
		s.look(s.person, name)
	}
}

// look takes pictures of the page if -pictures is set, and checks it with axe-core.
// TestPagesAreAccessible tests the other looks.
func (s *story) look(tab *browser.Tab, name string) {
	s.t.Helper()
	picture(tab, "signup-"+name)
	for _, v := range tab.Violations() {
		s.t.Errorf("%s: %s", name, v)
	}
}

// picture takes pictures of the visible part of the page for the documentation, if -pictures is set.
func picture(tab *browser.Tab, name string) {
	if *pictures == "" {
		return
	}
	for _, look := range browser.Pictures() {
		tab.Look(look)
		tab.Shoot(filepath.Join(*pictures, name+"-"+look.Name+".png"), false)
	}
	tab.Look(browser.Looks()[0])
}

// playTheStory plays the five steps by their one button, and checks what the page shows.
func (s *story) playTheStory() {
	s.t.Helper()
	s.watcher.Press("button[value=play]")
	s.watcher.Until("all five steps are played", `document.querySelectorAll(".steps .played").length === 5 && document.querySelector("#ended")?.textContent === "Played 5 steps."`)
	s.t.Log(s.watcher.Text("#ratio") + "\n" + s.watcher.Text(".steps"))
	if ratio := s.watcher.Text("#ratio"); !strings.HasSuffix(ratio, "× sooner") {
		s.t.Errorf("the page shows %q, want that the answers come sooner", ratio)
	}
	for i, want := range []string{
		`The answer takes .+s, and .+ s the old way\.$`,
		`10 people have an answer, by the median in .+s; their 20 mails are dead letters\.$`,
		`Replayed 2[02] dead letters: 2[02] of 2[02] mails arrived\.$`, // 2 of them of the address that bounced
		`Reconnected in .+s, 0 lost of [1-9][0-9]* in hand; 30 of 30 people have both mails\.$`,
		`Its mail went out as number [1-9][0-9]*, past [0-9,]+ that waited\.$`,
	} {
		if said := s.watcher.Text(fmt.Sprintf(".steps li:nth-child(%d) .said", i+1)); !regexp.MustCompile(want).MatchString(said) {
			s.t.Errorf("step %d: the page shows %q, want %s", i+1, said, want)
		}
	}
	said := s.watcher.Text("#reset")
	place, waiting := s.figureIn("#reset b"), s.figureIn("#reset b + b")
	if place < 1 || waiting < 8000 || place > waiting/100 {
		s.t.Errorf("the page shows %q, want a position of at most 1%% of at least 8,000 waiting mails", said)
	}
	s.look(s.watcher, "live")
}
