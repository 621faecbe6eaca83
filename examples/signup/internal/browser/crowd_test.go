package browser_test

import (
	"strconv"
	"strings"
)

// signUpThousands signs up 10,000 people while the mail server is slow, and stops once the
// queues have filled.
func (s *story) signUpThousands() {
	s.t.Helper()
	s.watcher.Press("button[value=slow-mail]")
	s.mailStatus("Slow")
	s.watcher.Press("button[name=count][value='10000']")
	s.watcher.Until("the progress is told", `/^Signing up: [0-9,]+ of 10,000\.$/.test(document.querySelector("#doing")?.textContent)`)
	for _, lane := range []string{s.welcomeLane, s.verifyLane} {
		s.watcher.Until("the queue fills", figure(lane, "ready")+" > 20")
	}
	s.watcher.Press("button[value=cancel]")
	s.watcher.Until("it is stopped", `document.querySelector(".doing").innerText.endsWith(" of 10,000 people, and was stopped.")`)
	s.t.Log(s.watcher.Text(".doing"))
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
