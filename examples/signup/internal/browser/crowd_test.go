package browser_test

import (
	"strconv"
	"strings"

	"github.com/warren-mq/warren/examples/signup/internal/browser"
)

// signUpThousands signs up 10,000 people while the mail server is slow, and stops once the
// queues have filled.
func (s *story) signUpThousands() {
	s.t.Helper()
	s.watcher.Press("button[value=slow-mail]")
	s.mood("Slow")
	s.watcher.Press("button[name=count][value='10000']")
	s.watcher.Until("the progress is told", `/^Signing up: [0-9,]+ of 10,000\.$/.test(document.querySelector("#doing")?.textContent)`)
	for _, lane := range []string{s.welcomeLane, s.verifyLane} {
		s.watcher.Until("the queue fills", figure(lane, "ready")+" > 20")
	}
	s.watcher.Press("button[value=cancel]")
	s.watcher.Until("it is stopped", `document.querySelector(".doing").innerText.endsWith(" of 10,000 people, and was stopped.")`)
	s.t.Log(s.watcher.Text(".doing"))
}

// overtakeAFlood resets a password behind 9,000 welcome mails, and reads the position at which
// its mail was sent.
func (s *story) overtakeAFlood() {
	s.t.Helper()
	s.watcher.Press("button[value=flood-and-reset]")
	s.watcher.Until("the page shows the position of the reset", `document.querySelector("#reset b") !== null`)
	said := s.watcher.Text("#reset")
	s.t.Log(said)
	s.shoot(s.watcher, "priority", true, browser.Looks()[:2])
	place, waiting := s.figureIn("#reset b"), s.figureIn("#reset b + b")
	if place < 1 || waiting < 9000 || place > waiting/100 {
		s.t.Errorf("the page shows %q, want a position of at most 1%% of at least 9,000 waiting mails", said)
	}
}

// figureIn returns the number in the element that the selector matches.
func (s *story) figureIn(selector string) int {
	s.t.Helper()
	n, err := strconv.Atoi(strings.ReplaceAll(s.watcher.Text(selector), ",", ""))
	if err != nil {
		s.t.Errorf("%s is not a number: %v", selector, err)
	}
	return n
}
