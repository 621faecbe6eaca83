package browser_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/warren-mq/warren/examples/signup/internal/browser"
	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/examples/signup/internal/live/livetest"
)

var pagePictures = flag.String("pages", "", "write pictures of the pages into this folder")

// everywhere holds the paths of all pages, each by the name of its picture.
func everywhere() map[string]string {
	return map[string]string{
		"live": "/live", "inbox": "/inbox", "inbox-empty": "/inbox?to=x@y.test", "mail": "/inbox/m2", "journey": "/journey/7",
		"signup": "/", "signup-again": "/signup-again", "signedup": "/signed-up", "signedup-old": "/signed-up-old",
		"reset": "/reset", "password": "/reset/confirm", "verified": "/verified", "expired": "/expired",
	}
}

func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	b := open(t)
	url := livetest.Serve(t, livetest.Busy())
	audit(t, b, url, everywhere())
}

func shootPage(t *testing.T, tab *browser.Tab, name string) {
	t.Helper()
	if *pagePictures == "" {
		return
	}
	if err := os.MkdirAll(*pagePictures, 0o755); err != nil {
		t.Fatal(err)
	}
	tab.Shoot(filepath.Join(*pagePictures, name+".png"), true)
}

func TestThePageFollowsTheDemo(t *testing.T) {
	t.Parallel()
	d := livetest.Busy()
	tab := open(t).Tab(t, browser.Looks()[0])
	tab.Go(livetest.Serve(t, d) + "/live")
	ready := `document.querySelector('[data-queue=welcome-email] [data-v=ready]').textContent`

	tab.Fill("#address", "eve@example.test")
	d.Change(func(s *live.Snapshot) { s.Queues[0].Ready = 77 })
	tab.Until("the new depth is drawn", ready+` === "77"`)
	if typed := browser.Eval[string](tab, `document.activeElement.id + "=" + document.activeElement.value`); typed != "address=eve@example.test" {
		t.Errorf("after the change the field is %q, want it focused with the typed text", typed)
	}

	tab.Press("button[value=stop-mail]")
	tab.Until("the mail server is stopped", `document.querySelector("#mail-status").textContent === "Stopped"`)
	tab.Until("the summary shows it", `document.querySelector("[role=status]").textContent.includes("Done: stop-mail.")`)

	tab.Press("#pause")
	d.Change(func(s *live.Snapshot) { s.Queues[0].Ready = 66 })
	tab.Until("the page is paused", `document.querySelector("#pause").getAttribute("aria-pressed") === "true"`)
	tab.Press("button[value=slow-mail]") // its answer updates the page once
	tab.Until("the page is updated once", ready+` === "66"`)
	tab.Press("#pause")
	d.Change(func(s *live.Snapshot) { s.Queues[0].Ready = 55 })
	tab.Until("the page is updated again", ready+` === "55"`)
}

// TestControlsStayInViewWithTheirEffect scrolls to each button of the live page on a phone. The line
// that shows what an action does, and where the messages are, must be in view beside it.
func TestControlsStayInViewWithTheirEffect(t *testing.T) {
	t.Parallel()
	tab := open(t).Tab(t, browser.Look{Name: "phone", Width: 390, Height: 844})
	tab.Go(livetest.Serve(t, livetest.Busy()) + "/live")
	hidden := browser.Eval[[]string](tab, `[...document.querySelectorAll("#state button:enabled")].filter(button => {
		button.focus();
		button.scrollIntoView({ block: "nearest" });
		const at = button.getBoundingClientRect(), now = document.querySelector(".now").getBoundingClientRect();
		const top = document.elementFromPoint(at.left + at.width / 2, at.top + at.height / 2);
		return !button.contains(top) || now.top < 0 || now.bottom > innerHeight + 1;
	}).map(button => button.outerHTML)`)
	for _, button := range hidden {
		t.Errorf("the button is covered, or its effect is out of view: %s", button)
	}
	if buttons := browser.Eval[int](tab, `document.querySelectorAll("#state button:enabled").length`); buttons < 20 {
		t.Errorf("looked at %d buttons, want at least 20", buttons)
	}
}

func TestAStepOfTheStoryHasItsButton(t *testing.T) {
	t.Parallel()
	d := livetest.Busy()
	tab := open(t).Tab(t, browser.Looks()[0])
	tab.Go(livetest.Serve(t, d) + "/live")
	tab.Press("button[name=chapter][value='2']")
	tab.Until("it is played", `document.querySelector("[role=status]").textContent.includes("Done: play.")`)
	tab.Press("button[value=play]")
	d.Change(func(s *live.Snapshot) { s.Story[1].Result, s.Doing = "Measured again.", "Playing all steps." })
	tab.Until("its result is shown", `document.querySelector(".steps .played:nth-child(2) .said").innerText.includes("Measured again.")`)
	tab.Until("the line in view shows the progress", `document.querySelector("#doing").textContent === "Playing all steps."`)
	d.Mu.Lock()
	defer d.Mu.Unlock()
	if want := []live.Action{{Verb: live.Play, Chapter: 2}, {Verb: live.Play}}; !slices.Equal(d.Actions, want) {
		t.Errorf("done is %+v, want %+v", d.Actions, want)
	}
}

func TestTheKeyboardReachesEveryButton(t *testing.T) {
	t.Parallel()
	tab := open(t).Tab(t, browser.Looks()[0])
	tab.Go(livetest.Serve(t, livetest.Busy()) + "/live")
	wanted := browser.Eval[int](tab, `document.querySelectorAll("a[href], button:enabled:not([hidden]), input:not([type=hidden])").length`)
	reached := map[string]bool{}
	for range wanted + 5 { // plus the scrollable regions
		tab.Key("\t")
		if browser.Eval[bool](tab, `document.activeElement === document.body`) {
			break // the focus has left the page
		}
		at := browser.Eval[string](tab, `document.activeElement.outerHTML`)
		reached[at] = true
		if browser.Eval[string](tab, `getComputedStyle(document.activeElement).outlineStyle`) == "none" {
			t.Errorf("%s has no visible focus", at)
		}
	}
	if len(reached) < wanted {
		t.Errorf("the tab key reaches %d elements, want %d", len(reached), wanted)
	}
}

func TestThePagesWorkWithoutTheScript(t *testing.T) {
	t.Parallel()
	d := livetest.Busy()
	tab := open(t).Tab(t, browser.Looks()[0])
	tab.WithoutScript()
	tab.Go(livetest.Serve(t, d) + "/live")
	tab.Follow("button[value=stop-mail]")
	if status := tab.Text("#mail-status"); status != "Stopped" {
		t.Errorf("the mail server is %q, want Stopped", status)
	}
	tab.Follow("noscript a")
}

func TestThePageSaysThatWhatItShowsIsGone(t *testing.T) {
	t.Parallel()
	d := livetest.Busy()
	tab := open(t).Tab(t, browser.Looks()[0])
	tab.Go(livetest.Serve(t, d) + "/journey/7")
	tab.Until("the page is connected", `source.readyState === EventSource.OPEN`)
	d.Mu.Lock()
	d.Followed.ID = "8"
	d.Mu.Unlock()
	tab.Until("the page says that the journey is gone", `document.querySelector("#watching").textContent === "This no longer exists"`)
}
