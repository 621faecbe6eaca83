package console

import (
	"fmt"
	"html/template"
	"strings"
)

// Size of a chart, in units of its view box.
const (
	chartWidth  = 120
	chartHeight = 24
)

// sparkline returns a chart of values as SVG. text describes it for screen readers. Values that
// are all zero make a flat line at the bottom.
func sparkline(values []float64, class, text string) template.HTML {
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	var points strings.Builder
	step := float64(chartWidth) / float64(max(maxSamples-1, 1))
	from := maxSamples - len(values)
	for i, v := range values {
		y := chartHeight - 1.0
		if most > 0 {
			y -= v / most * (chartHeight - 3)
		}
		fmt.Fprintf(&points, "%.1f,%.1f ", float64(from+i)*step, y)
	}
	return template.HTML(fmt.Sprintf( //nolint:gosec // numbers, a constant and an escaped text
		`<svg class="spark %s" viewBox="0 0 %d %d" role="img" aria-label="%s" preserveAspectRatio="none"><polyline points="%s"/></svg>`,
		class, chartWidth, chartHeight, template.HTMLEscapeString(text), strings.TrimSpace(points.String())))
}

// bars returns a chart of counts as SVG: the trend of a group of dead letters.
func bars(counts []int, text string) template.HTML {
	most := 1
	for _, n := range counts {
		most = max(most, n)
	}
	var rects strings.Builder
	width := float64(chartWidth) / float64(max(len(counts), 1))
	for i, n := range counts {
		height := float64(n) / float64(most) * (chartHeight - 2)
		if n > 0 {
			height = max(height, 2)
		}
		fmt.Fprintf(&rects, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, float64(i)*width, chartHeight-height, max(width-1, 1), height)
	}
	return template.HTML(fmt.Sprintf( //nolint:gosec // numbers and an escaped text
		`<svg class="bars" viewBox="0 0 %d %d" role="img" aria-label="%s" preserveAspectRatio="none">%s</svg>`,
		chartWidth, chartHeight, template.HTMLEscapeString(text), rects.String()))
}

// flow returns the charts of a history.
func flow(name string, h []sample) map[string]template.HTML {
	pick := func(what, class, unit string, value func(sample) float64) template.HTML {
		values := make([]float64, len(h))
		for i, s := range h {
			values[i] = value(s)
		}
		now := 0.0
		if len(values) > 0 {
			now = values[len(values)-1]
		}
		return sparkline(values, class, fmt.Sprintf("%s of %s in the last six minutes, now %s%s", what, name, rate(now), unit))
	}
	return map[string]template.HTML{
		"ok":    pick("handled", "ok", " a second", func(s sample) float64 { return s.OK }),
		"retry": pick("retried", "retry", " a second", func(s sample) float64 { return s.Retry }),
		"dead":  pick("dead-lettered", "dead", " a second", func(s sample) float64 { return s.Dead }),
		"ready": pick("ready messages", "ready", "", func(s sample) float64 { return float64(s.Ready) }),
		"dlq":   pick("dead letters", "dead", "", func(s sample) float64 { return float64(s.DLQ) }),
	}
}
