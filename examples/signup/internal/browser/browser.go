// Package browser drives a headless Chromium in tests: it opens pages, fills in fields, presses
// buttons, and checks accessibility with axe-core.
package browser

import (
	"context"
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

// Browser is a running Chromium.
type Browser struct {
	ctx context.Context
}

// Open starts Chromium, and stops it when the test ends. If Chromium is not installed, the
// test fails; it is not skipped.
func Open(tb testing.TB) *Browser {
	tb.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path(tb)),
		chromedp.Flag("hide-scrollbars", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox refuses root
	}
	allocator, free := chromedp.NewExecAllocator(context.Background(), options...)
	tb.Cleanup(free)
	ctx, stop := chromedp.NewContext(allocator, chromedp.WithLogf(tb.Logf), chromedp.WithErrorf(tb.Logf))
	tb.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		tb.Fatalf("browser: start Chromium: %v", err)
	}
	return &Browser{ctx}
}

// path returns the path of the Chromium that scripts/chromium has found or installed.
func path(tb testing.TB) string {
	tb.Helper()
	if path := os.Getenv("WARREN_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{
		"chromium", "chromium-browser", "google-chrome-stable", "google-chrome",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	tb.Fatal("browser: Chromium not found on the PATH, and WARREN_CHROMIUM is not set: run scripts/chromium to install it")
	return ""
}
