package browser

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Tab is a tab of a Browser. What it cannot do fails the test. Not safe for
// concurrent use.
type Tab struct {
	tb  testing.TB
	ctx context.Context

	problems []string // of watch, until it has ended
}

// Tab opens a tab with the look, and closes it when the test ends. The test fails
// then if a page has had an error: an exception, or something that the policy of its
// content forbids.
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

// Look looks at the page in another way.
func (t *Tab) Look(look Look) {
	t.tb.Helper()
	t.do("look at it in the way "+look.Name,
		chromedp.EmulateViewport(look.Width, look.Height),
		chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme()}}
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
			return err
		}))
}

// watch collects the errors that pages have, until the tab is closed.
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

// do runs steps within the patience; what is for the report.
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

// Go opens the address.
func (t *Tab) Go(url string) {
	t.tb.Helper()
	t.do("go to "+url, chromedp.Navigate(url))
}

// Fill types the text into the field that the CSS selector finds, over what is there.
// chromedp.SendKeys has a data race with a page that changes meanwhile.
func (t *Tab) Fill(selector, text string) {
	t.tb.Helper()
	Eval[bool](t, "(field => { field.focus(); field.select(); return true })(document.querySelector("+strconv.Quote(selector)+"))")
	t.do("fill in "+selector, chromedp.KeyEvent(text))
}

// Press clicks on what the selector finds, and stays on the page.
func (t *Tab) Press(selector string) {
	t.tb.Helper()
	t.do("press "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Follow clicks on what the selector finds, and waits for the page that it leads to.
func (t *Tab) Follow(selector string) {
	t.tb.Helper()
	t.do("follow "+selector, func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector)))
		return chromedp.Void{}, err
	})
}

// Until waits until the JavaScript expression is true; what is for the report.
func (t *Tab) Until(what, expression string) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(patience))); err != nil {
		t.tb.Fatalf("browser: wait until %s (%s): %v; the page says:\n%s", what, expression, err, t.Text("body"))
	}
}

// Text returns the text of what the selector finds, as it is shown.
func (t *Tab) Text(selector string) string {
	t.tb.Helper()
	return Eval[string](t, "document.querySelector("+strconv.Quote(selector)+").innerText")
}

// Eval returns the value of a JavaScript expression, awaited if it is a promise.
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

// WithoutScript lets the pages that the tab opens from now on run no script.
func (t *Tab) WithoutScript() {
	t.tb.Helper()
	t.do("run no script", func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	})
}
