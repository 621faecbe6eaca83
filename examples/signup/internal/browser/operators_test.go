package browser_test

import (
	"strconv"
	"testing"

	"github.com/warren-mq/warren/examples/signup/internal/browser"
)

// TestASecondOperatorSeesTheReplayAndCannotRepeatIt has two operators, each with a browser of their
// own, who find the same dead letters.
func TestASecondOperatorSeesTheReplayAndCannotRepeatIt(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	ada, grace := open(t).Tab(t, browser.Looks()[0]), open(t).Tab(t, browser.Looks()[0])
	n.loginAs(ada, "Ada")
	n.loginAs(grace, "Grace")
	n.ready(ada)
	n.publish("provider", `{"order":1}`, 40)
	for _, tab := range []*browser.Tab{ada, grace} {
		tab.Go(n.url)
		tab.Until("the overview shows the dead letters", `document.body.innerText.includes("Queue orders has 40 dead letters")`)
		press(t, tab, "Show the groups", "Dead letters of orders")
		press(t, tab, "Replay the group", "Replay to orders")
	}

	n.well.Store(true)
	press(t, ada, "Replay", "Action: replay")
	ada.Until("all are replayed", `document.querySelector("#job-state").innerText === "done" && document.querySelector("#state").innerText.includes("40 of 40")`)

	// The page of the second operator still has the form.
	press(t, grace, "Replay", "Action: replay")
	grace.Until("her replay has found none", `document.querySelector("#job-state").innerText === "done" && document.querySelector("#state").innerText.includes("0 of 0")`)
	press(t, grace, "Show the groups of this queue", "Dead letters of orders")
	grace.Go(n.url + "jobs")
	grace.Until("the page shows who replayed them", `[...document.querySelectorAll("tbody tr")].some(row => /Ada/.test(row.innerText) && /40 of 40/.test(row.innerText))`)
	if paid := n.paid.Load(); paid != 40 {
		t.Errorf("%d messages were handled after the replays, want each of the 40 once", paid)
	}
}

// TestADeployIsSeenInTheFleet replaces both processes of a version, one after the other, by processes of the
// next version, while messages arrive.
func TestADeployIsSeenInTheFleet(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	n.well.Store(true)
	tab := open(t).Tab(t, browser.Looks()[0])
	n.login(tab)
	n.ready(tab)
	tab.Go(n.url + "processes")
	shows := func(old, current int) {
		t.Helper()
		rows := func(version string) string {
			return `[...document.querySelectorAll("#state tbody")[0].rows].filter(row => row.innerText.includes(` + strconv.Quote(version) + `) && row.innerText.includes("ready")).length`
		}
		tab.Until("the processes of each version are shown", rows("v1.0.0")+" === "+strconv.Itoa(old)+" && "+rows("v2.0.0")+" === "+strconv.Itoa(current))
	}
	shows(2, 0)
	for i := range 2 {
		n.run(n.worker("v2.0.0").Run)
		shows(2-i, i+1)
		n.publish("provider", `{"order":1}`, 20)
		n.drain(tab, "v1.0.0")
		shows(1-i, i+1)
	}
	tab.Until("the page shows who has drained them", `[...document.querySelectorAll("table")].at(-1).innerText.includes("drain")`)
	tab.Go(n.url)
	tab.Until("no message is left", `document.querySelector("#state .lead").innerText.startsWith("All is well")`)
	if paid := n.paid.Load(); paid != 40 {
		t.Errorf("%d messages were handled during the deploy, want each of the 40 once", paid)
	}
}

// drain drains the first process of a version that the page shows.
func (n *night) drain(tab *browser.Tab, version string) {
	n.t.Helper()
	tab.Go(n.url + "processes")
	open := `(row => { if (row) row.querySelector("details").open = true; return row })([...document.querySelectorAll("#state tbody")[0].rows].find(row => row.innerText.includes(` + strconv.Quote(version) + `)))`
	id := browser.Eval[string](tab, open+`.querySelector("form[action$=drain]").getAttribute("action")`)
	tab.Follow(`form[action="` + id + `"] button`)
	tab.Until("the process is told", `document.querySelector(".notice").innerText.includes("Draining")`)
}
