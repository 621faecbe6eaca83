package browser

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"slices"

	"github.com/chromedp/chromedp"
)

// Shoot writes a PNG screenshot of the tab to the file: the whole page, or the visible part.
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
		picture, err = shrink(picture)
	}
	if err == nil {
		err = os.WriteFile(file, picture, 0o600)
	}
	if err != nil {
		t.tb.Fatalf("browser: picture %s: %v", file, err)
	}
}

// shrink reduces a picture to at most 256 colours. That suffices: a page has few colours, and
// their shades at the edges of letters.
func shrink(picture []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	often := make(map[color.Color]int)
	box := full.Bounds()
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			often[full.At(x, y)]++
		}
	}
	small := image.NewPaletted(box, distinct(often))
	nearest := make(map[color.Color]uint8, len(often))
	for c := range often {
		nearest[c] = uint8(small.Palette.Index(c))
	}
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			small.SetColorIndex(x, y, nearest[full.At(x, y)])
		}
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small)
	return out.Bytes(), err
}

// near is the distance below which two colours look the same, in units of image/color, squared.
const near = 3 * (4 << 8) * (4 << 8)

// distinct returns the 256 most frequent colours. It omits a colour that is near to a more
// frequent one.
func distinct(often map[color.Color]int) (chosen color.Palette) {
	sorted := slices.SortedFunc(maps.Keys(often), func(a, b color.Color) int { return cmp.Compare(often[b], often[a]) })
	for _, c := range sorted {
		if len(chosen) == 0 || len(chosen) < 256 && distance(c, chosen.Convert(c)) > near {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

func distance(a, b color.Color) int {
	r1, g1, b1, _ := a.RGBA()
	r2, g2, b2, _ := b.RGBA()
	dr, dg, db := int(r1)-int(r2), int(g1)-int(g2), int(b1)-int(b2)
	return dr*dr + dg*dg + db*db
}
