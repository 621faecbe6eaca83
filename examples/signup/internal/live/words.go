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
	"link":     link,
	"millis":   func(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()*1000) },
	"offset":   func(from, to time.Time) string { return "+" + Duration(to.Sub(from)) },
	"rate":     func(r float64) string { return Count(int64(math.Round(r))) },
	"minimum":  func() int { return MinPassword },
	"share":    share,
	"sooner":   Sooner,
	"total":    total,
	"times":    func(a, b int) int { return a * b },
	"way": func(class, name, what string, l Latency, s Snapshot) way {
		return way{class, name, what, l, longest(s)}
	},
	"workers": workers,
}

// way is the drawing of one of the two ways to sign up. Both have the same linear scale.
type way struct {
	Class, Name, What string
	Latency           Latency
	Longest           time.Duration // the end of the scale
}

// longest returns the longer 99th percentile of the two ways.
func longest(s Snapshot) time.Duration { return max(s.NewWay.P99, s.OldWay.P99) }

// share returns the part of the scale from 0 to longest that d takes, in percent.
func share(d, longest time.Duration) string {
	if longest <= 0 {
		return "0"
	}
	return percent(float64(d) / float64(longest))
}

// Sooner compares the medians of two latencies: it returns "31× sooner" if the median of b is 31
// times the median of a, and "" if one of the two has no answers.
func Sooner(a, b Latency) string {
	if a.Count == 0 || b.Count == 0 || a.P50 <= 0 || b.P50 <= 0 {
		return ""
	}
	ratio, word := float64(b.P50)/float64(a.P50), "sooner"
	if ratio < 1 {
		ratio, word = 1/ratio, "later"
	}
	text := strconv.FormatFloat(ratio, 'f', 1, 64)
	if ratio >= 9.95 {
		text = Count(int64(math.Round(ratio)))
	}
	return text + "× " + word
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

func percent(part float64) string {
	return strconv.FormatFloat(100*min(1, max(0, part)), 'f', 1, 64)
}

// workerDot is the drawing of one worker goroutine of a pool.
type workerDot struct {
	X    int
	Busy bool
}

// workers returns the drawings of a pool's worker goroutines, the busy ones first.
func workers(q Queue) []workerDot {
	all := make([]workerDot, max(0, q.Concurrency))
	for i := range all {
		all[i] = workerDot{X: 12*i + 6, Busy: i < q.InHand}
	}
	return all
}

// total returns a queue with the sums of the queues' figures.
func total(queues []Queue) *Queue {
	var sum Queue
	for _, q := range queues {
		sum.Ready, sum.InHand = sum.Ready+q.Ready, sum.InHand+q.InHand
		sum.Retrying, sum.Dead = sum.Retrying+q.Retrying, sum.Dead+q.Dead
	}
	return &sum
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
