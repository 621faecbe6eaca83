package job_test

import (
	"net/http"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
)

// BenchmarkExec handles messages eight at a time: by a command for each, and by eight
// processes that stay.
func BenchmarkExec(b *testing.B) {
	command, err := exec.LookPath("true") // /bin/true on Linux
	if err != nil {
		b.Fatal(err)
	}
	loop := `n=0; while read -r line; do n=$((n+1)); echo "{\"id\":$n,\"ok\":true}"; done`
	for _, bb := range []struct {
		name string
		exec job.Exec
	}{
		{"command", job.Exec{Command: []string{command}}},
		{"persistent", job.Exec{Command: []string{"/bin/sh", "-c", loop}, Persistent: true}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			bb.exec.Logger = quiet()
			h, err := bb.exec.Handler()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			handleAll(b, h, b.N)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			b.StopTimer()
			if err := h.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}

// handleAll handles n messages, eight at a time.
func handleAll(tb testing.TB, h job.Handler, n int) {
	tb.Helper()
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 8 {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				if err := h.Handle(tb.Context(), &message.Message{ID: "42", Body: []byte(`{"email":"alice@example.com"}`), Attempt: 1}); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkWebhook(b *testing.B) {
	h := handler(b, serve(b, func(http.ResponseWriter, *http.Request) {}))
	handleAll(b, h, b.N)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
