package browser_test

import (
	"flag"
	"os"
	"path/filepath"
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

func TestPagesShutNobodyOut(t *testing.T) {
	t.Parallel()
	b := browser.Open(t)
	url := livetest.Serve(t, livetest.Busy())
	for _, look := range browser.Looks() {
		t.Run(look.Name, func(t *testing.T) {
			t.Parallel()
			tab := b.Tab(t, look)
			for name, path := range everywhere() {
				tab.Go(url + path)
				for _, v := range tab.Violations() {
					t.Errorf("%s: %s", path, v)
				}
				if wide := browser.Eval[int](tab, "document.documentElement.scrollWidth"); wide > int(look.Width) {
					t.Errorf("%s is %d pixels wide, want %d at most", path, wide, look.Width)
				}
				shootPage(t, tab, name+"-"+look.Name)
			}
		})
	}
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
	tab := browser.Open(t).Tab(t, browser.Looks()[0])
	tab.Go(livetest.Serve(t, d) + "/live")
	ready := `document.querySelector('[data-queue=welcome-email] [data-v=ready]').textContent`

	tab.Fill("#address", "eve@example.test")
	d.Change(func(s *live.Snapshot) { s.Queues[0].Ready = 77 })
	tab.Until("the new depth is drawn", ready+` === "77"`)
	if typed := browser.Eval[string](tab, `document.activeElement.id + "=" + document.activeElement.value`); typed != "address=eve@example.test" {
		t.Errorf("after the change the field is %q, want it focused with the typed text", typed)
	}

	tab.Press("button[value=stop-mail]")
	tab.Until("the mail server is stopped", `document.querySelector("#mood").textContent === "Stopped"`)
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

func TestTheKeyboardReachesEveryButton(t *testing.T) {
	t.Parallel()
	tab := browser.Open(t).Tab(t, browser.Looks()[0])
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
	tab := browser.Open(t).Tab(t, browser.Looks()[0])
	tab.WithoutScript()
	tab.Go(livetest.Serve(t, d) + "/live")
	tab.Follow("button[value=stop-mail]")
	if mood := tab.Text("#mood"); mood != "Stopped" {
		t.Errorf("the mail server is %q, want Stopped", mood)
	}
	tab.Follow("noscript a")
}

func TestThePageSaysThatWhatItShowsIsGone(t *testing.T) {
	t.Parallel()
	d := livetest.Busy()
	tab := browser.Open(t).Tab(t, browser.Looks()[0])
	tab.Go(livetest.Serve(t, d) + "/journey/7")
	tab.Until("the page is connected", `source.readyState === EventSource.OPEN`)
	d.Mu.Lock()
	d.Followed.ID = "8"
	d.Mu.Unlock()
	tab.Until("the page says that the journey is gone", `document.querySelector("#watching").textContent === "This no longer exists"`)
}
