package browser

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Tab is a tab of a Browser. If a step fails, it fails the test. It is not safe for concurrent
// use.
type Tab struct {
	tb  testing.TB
	ctx context.Context

	problems []string // written by watch until it has returned
}

// Tab opens a tab with the look, and closes it when the test ends. The test then fails if a
// page had an error: an exception, or a violation of its content security policy.
func (b *Browser) Tab(tb testing.TB, look Look) *Tab {
	tb.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	t := &Tab{tb: tb, ctx: ctx}
	t.Look(look)
	var watching sync.WaitGroup
	watching.Go(t.watch)
	tb.Cleanup(func() {
		closeTab()
		watching.Wait()
		for _, p := range t.problems {
			tb.Errorf("browser: the page had a problem: %s", p)
		}
	})
	return t
}

// Look changes the colour scheme and the window size.
func (t *Tab) Look(look Look) {
	t.tb.Helper()
	t.do("switch to the look "+look.Name,
		chromedp.EmulateViewport(look.Width, look.Height),
		chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme()}}
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
			return err
		}))
}

// watch collects the errors of pages until the tab is closed.
func (t *Tab) watch() {
	for m, err := range chromedp.Console(t.ctx) {
		if err != nil {
			return
		}
		if m.Type == chromedp.ConsoleError || m.IsException() {
			t.problems = append(t.problems, fmt.Sprintf("%s (%s)", m.Text, m.URL))
		}
	}
}

// do runs the steps within patience. what names them in the failure.
func (t *Tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	t.tb.Helper()
	if err := chromedp.Do(t.ctx); err != nil { // the first use of a context opens the tab, and must have no timeout
		t.tb.Fatalf("browser: %s: %v", what, err)
	}
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.tb.Fatalf("browser: %s: %v", what, err)
	}
}

// Go opens the URL.
func (t *Tab) Go(url string) {
	t.tb.Helper()
	t.do("go to "+url, chromedp.Navigate(url))
}

// Fill types the text into the field that the CSS selector matches, and replaces its content.
// It avoids chromedp.SendKeys, which has a data race when the page changes meanwhile.
func (t *Tab) Fill(selector, text string) {
	t.tb.Helper()
	Eval[bool](t, "(field => { field.focus(); field.select(); return true })(document.querySelector("+strconv.Quote(selector)+"))")
	t.do("fill in "+selector, chromedp.KeyEvent(text))
}

// Press clicks the element that the selector matches, and stays on the page.
func (t *Tab) Press(selector string) {
	t.tb.Helper()
	t.centre(selector)
	t.do("press "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Follow clicks the element that the selector matches, and waits for the next page.
func (t *Tab) Follow(selector string) {
	t.tb.Helper()
	t.centre(selector)
	t.do("follow "+selector, func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector)))
		return chromedp.Void{}, err
	})
}

// centre scrolls to the element, so that no part of the page that sticks to an edge covers it. An
// element that is not there yet is left to the step that waits for it.
func (t *Tab) centre(selector string) {
	t.tb.Helper()
	Eval[bool](t, "(document.querySelector("+strconv.Quote(selector)+")?.scrollIntoView({ block: 'center' }), true)")
}

// FollowText clicks the first link or button in main whose text begins with text, and waits for
// the next page.
func (t *Tab) FollowText(text string) {
	t.tb.Helper()
	click := `(text => {
		const one = [...document.querySelectorAll("main a, main button")].find(e => e.innerText.replace(/\s+/g, " ").trim().startsWith(text));
		if (!one) throw new Error("no " + text + " in: " + document.body.innerText);
		one.click();
		return true;
	})(` + strconv.Quote(text) + ")"
	t.do("follow "+text, func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.RunResponse(ctx, chromedp.Evaluate[chromedp.Void](click))
		return chromedp.Void{}, err
	})
}

// Until waits until the JavaScript expression is true. what describes it in the failure. A page
// that is replaced meanwhile is asked again, which chromedp.Poll does not do.
func (t *Tab) Until(what, expression string) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	again := time.NewTicker(interval)
	defer again.Stop()
	for {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if is {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.tb.Fatalf("browser: wait until %s (%s): last error %v; the page says:\n%s", what, expression, err, t.Text("body"))
		}
	}
}

// Text returns the visible text of the element that the selector matches.
func (t *Tab) Text(selector string) string {
	t.tb.Helper()
	return Eval[string](t, "document.querySelector("+strconv.Quote(selector)+").innerText")
}

// Eval returns the value of a JavaScript expression. It awaits a promise.
func Eval[T any](t *Tab, expression string) T {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.tb.Fatalf("browser: evaluate %.200s: %v", expression, err)
	}
	return v
}

// Key presses a key, such as "\t" or "a".
func (t *Tab) Key(key string) {
	t.tb.Helper()
	t.do("press a key", chromedp.KeyEvent(key))
}

// WithoutScript disables scripts on the pages that the tab opens from now on.
func (t *Tab) WithoutScript() {
	t.tb.Helper()
	t.do("disable scripts", func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	})
}
