package browser_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/warren-mq/warren/examples/signup/internal/browser"
)

// audit checks each page with axe-core in all looks, and that it is not wider than the window.
// The colours change without loading the page again.
func audit(t *testing.T, b *browser.Browser, url string, pages map[string]string) {
	t.Helper()
	looks := browser.Looks()
	for _, width := range []int64{looks[0].Width, looks[len(looks)-1].Width} {
		t.Run(name(width), func(t *testing.T) {
			t.Parallel()
			tab := b.Tab(t, looks[0])
			for _, page := range slices.Sorted(maps.Keys(pages)) {
				tab.Go(url + pages[page])
				for _, look := range looks {
					if look.Width == width {
						auditPage(t, tab, page, look)
					}
				}
			}
		})
	}
}

func name(width int64) string {
	if width < 600 {
		return "phone"
	}
	return "desktop"
}

func auditPage(t *testing.T, tab *browser.Tab, page string, look browser.Look) {
	t.Helper()
	tab.Look(look)
	for _, v := range tab.Violations() {
		t.Errorf("%s in the look %s: %s", page, look.Name, v)
	}
	if wide := browser.Eval[int](tab, "document.documentElement.scrollWidth"); wide > int(look.Width) {
		t.Errorf("%s in the look %s is %d pixels wide, want %d at most", page, look.Name, wide, look.Width)
	}
	shootPage(t, tab, page+"-"+look.Name)
}
