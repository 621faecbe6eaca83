package browser

import (
	"context"
	"os"

	"github.com/chromedp/chromedp"
)

// Shoot writes a picture (PNG) of what the tab shows to the file: the whole page, or
// what fits into the look.
func (t *Tab) Shoot(file string, whole bool) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	shoot := chromedp.CaptureScreenshot()
	if whole {
		shoot = chromedp.FullScreenshot(100)
	}
	picture, err := chromedp.Run(ctx, shoot)
	if err == nil {
		err = os.WriteFile(file, picture, 0o600)
	}
	if err != nil {
		t.tb.Fatalf("browser: picture %s: %v", file, err)
	}
}
