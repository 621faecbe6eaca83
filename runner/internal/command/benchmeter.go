package command

import (
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// meter counts messages and how long each took. It is safe for concurrent use.
type meter struct {
	bar progress

	mu      sync.Mutex
	claimed int
	began   time.Time
	ended   time.Time
	took    *hdrhistogram.Histogram // of microseconds
}

// longest is the longest time that the histogram records.
const longest = 10 * time.Minute

// claim takes one of count messages, and reports whether there was one left. If count is
// 0, the number is not limited.
func (m *meter) claim(count int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if count > 0 && m.claimed >= count {
		return false
	}
	if m.claimed == 0 {
		m.began, m.ended = time.Now(), time.Now()
		m.took = hdrhistogram.New(1, longest.Microseconds(), 3)
	}
	m.claimed++
	return true
}

func (m *meter) record(took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = m.took.RecordValue(max(min(took, longest).Microseconds(), 1)) // the value is within the range
	m.ended = time.Now()
	m.bar.add(1)
}

// measured is the result of a bench.
type measured struct {
	Bench       string  `json:"bench"`
	QueueType   string  `json:"queue_type"`
	SizeBytes   int     `json:"size_bytes"`
	Concurrency int     `json:"concurrency"`
	Messages    int64   `json:"messages"`
	Seconds     float64 `json:"seconds"`
	PerSecond   float64 `json:"messages_per_second"`
	P50         float64 `json:"p50_ms"`
	P90         float64 `json:"p90_ms"`
	P99         float64 `json:"p99_ms"`
	P999        float64 `json:"p999_ms"`
	Max         float64 `json:"max_ms"`
}

func (m *meter) table(name string, w load) result {
	v := measured{Bench: name, QueueType: w.queueType, SizeBytes: int(w.size), Concurrency: w.concurrency}
	if m.took != nil {
		v.Messages, v.Seconds = m.took.TotalCount(), m.ended.Sub(m.began).Seconds()
		v.P50, v.P90, v.P99 = m.percentile(50), m.percentile(90), m.percentile(99)
		v.P999, v.Max = m.percentile(99.9), m.percentile(100)
	}
	if v.Seconds > 0 {
		v.PerSecond = float64(v.Messages) / v.Seconds
	}
	ms := func(x float64) string { return fmt.Sprintf("%.2fms", x) }
	return result{
		header: []string{"BENCH", "MESSAGES", "SECONDS", "PER SECOND", "P50", "P90", "P99", "P99.9", "MAX"},
		rows: [][]string{{
			name, count(v.Messages), fmt.Sprintf("%.2f", v.Seconds), fmt.Sprintf("%.0f", v.PerSecond),
			ms(v.P50), ms(v.P90), ms(v.P99), ms(v.P999), ms(v.Max),
		}},
		values: []any{v}, single: true,
		note: fmt.Sprintf("%s queue, %d bytes, concurrency %d", v.QueueType, v.SizeBytes, v.Concurrency),
	}
}

// percentile returns a percentile in milliseconds.
func (m *meter) percentile(p float64) float64 { return float64(m.took.ValueAtQuantile(p)) / 1000 }
