package live

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"strconv"
	"time"
)

// words holds the functions of the templates, which format figures and compute the geometry of
// the drawings.
var words = template.FuncMap{
	"add":      func(a, b int) int { return a + b },
	"clock":    func(t time.Time) string { return t.Format("15:04:05") },
	"count":    Count[int],
	"count64":  Count[int64],
	"duration": Duration,
	"fan":      fan,
	"fill":     fill,
	"hands":    hands,
	"link":     link,
	"millis":   func(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()*1000) },
	"offset":   func(from, to time.Time) string { return "+" + Duration(to.Sub(from)) },
	"place":    place,
	"rate":     func(r float64) string { return Count(int64(math.Round(r))) },
	"minimum":  func() int { return MinPassword },
	"times":    func(a, b int) int { return a * b },
	"way":      func(class, name, what string, l Latency) way { return way{class, name, what, l} },
}

// way is the drawing of one of the two ways to sign up.
type way struct {
	Class, Name, What string
	Latency           Latency
}

// Count formats a number for the pages, with commas between the thousands.
func Count[T int | int64](n T) string {
	digits := strconv.FormatInt(int64(n), 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Duration formats d for the pages: two or three significant digits, a space and the unit.
func Duration(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d >= time.Second && d%(100*time.Millisecond) == 0: // a configured value, not a measured one
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " s"
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1000)
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// fill returns how much of a bar n messages fill, in percent. The scale is logarithmic: each
// tenth of the bar is a factor of 2.5, and the full bar is 10,000.
func fill(n int) string {
	return percent(math.Log1p(float64(max(0, n))) / math.Log1p(10_000))
}

// place returns the position of d on a logarithmic scale from 1 ms to 10 s, in percent.
func place(d time.Duration) string {
	return percent(math.Log10(float64(max(d, time.Millisecond))/float64(time.Millisecond)) / 4)
}

func percent(part float64) string {
	return strconv.FormatFloat(100*min(1, max(0, part)), 'f', 1, 64)
}

// hand is the drawing of one worker goroutine of a pool.
type hand struct {
	X    int
	Busy bool
}

// hands returns the drawings of a pool's worker goroutines, the busy ones first.
func hands(q Queue) []hand {
	all := make([]hand, max(0, q.Concurrency))
	for i := range all {
		all[i] = hand{X: 12*i + 6, Busy: i < q.InHand}
	}
	return all
}

// line is a line between a lane and the card beside the lanes.
type line struct {
	Path  string
	Flows bool
}

// drawing is a set of lines. Its box is 100 wide, and 100 high for each lane.
type drawing struct {
	Height int
	Lines  []line
}

// fan returns the lines from one point to every lane or, if inward is true, from the lanes
// whose worker sends mail to one point.
func fan(queues []Queue, inward bool) drawing {
	d := drawing{Height: 100 * len(queues)}
	for i, q := range queues {
		middle, lane := d.Height/2, 100*i+50
		if !inward {
			d.Lines = append(d.Lines, line{curve(middle, lane), q.Rate > 0})
		} else if q.SendsMail {
			d.Lines = append(d.Lines, line{curve(lane, middle), q.Rate > 0})
		}
	}
	return d
}

func curve(from, to int) string {
	return fmt.Sprintf("M0 %d C60 %d 40 %d 100 %d", from, from, to, to)
}

// link returns the text that is shown for a URL from a mail: its path without the query. It
// returns "" for a URL that a browser should not follow.
func link(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return u.Host + u.Path
}
