// Package browser drives a headless Chromium in tests: it opens pages, fills in fields, presses
// buttons, and checks accessibility with axe-core.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience bounds each step on a page. It is generous, since the machine may be busy.
const patience = time.Minute

// interval is the time between two looks at a page that is not yet as a step wants it.
const interval = 20 * time.Millisecond

// Browser is a part of a running Chromium with cookies of its own.
type Browser struct {
	ctx  context.Context
	stop func()
}

// Start starts Chromium. Call Close at the end.
func Start() (*Browser, error) {
	path, err := path()
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.Flag("hide-scrollbars", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox refuses root
	}
	allocator, free := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocator)
	b := &Browser{ctx, func() { stop(); free() }}
	if err := chromedp.Do(ctx); err != nil {
		b.Close()
		return nil, fmt.Errorf("browser: start Chromium: %w", err)
	}
	return b, nil
}

// Close stops Chromium.
func (b *Browser) Close() { b.stop() }

// Private returns a browser over the same Chromium with cookies of its own, until the test ends.
func (b *Browser) Private(tb testing.TB) *Browser {
	tb.Helper()
	ctx, stop := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	tb.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		tb.Fatalf("browser: open a browser with cookies of its own: %v", err)
	}
	return &Browser{ctx, stop}
}

// path returns the path of the Chromium that scripts/chromium has found or installed.
func path() (string, error) {
	if path := os.Getenv("WARREN_CHROMIUM"); path != "" {
		return path, nil
	}
	for _, name := range []string{
		"chromium", "chromium-browser", "google-chrome-stable", "google-chrome",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("browser: Chromium not found on the PATH, and WARREN_CHROMIUM is not set: run scripts/chromium to install it")
}
