package job_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

// running is a sender that is connected until the test ends.
func running(t *testing.T, cfg broker.Config) *amqp.Sender {
	t.Helper()
	s := amqp.NewSender(amqp.Config(cfg), "forward", nil)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestOutcomesOfEachKindOfHandler(t *testing.T) {
	t.Parallel()
	b := warrentest.NewBroker(t)
	hanging := job.Exec{Command: []string{"sleep", "3600"}, KillDelay: -1}
	polite := job.Exec{Command: []string{"sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"}}
	gone := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	busy := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	const retried, given = worker.Retry, worker.DeadLetter
	tests := map[string]struct {
		config interface{ Handler() (job.Handler, error) }
		want   []worker.Verdict
		reason string // of the last
	}{
		"done":      {program("exit", "CODE=0"), []worker.Verdict{worker.Ack, worker.Ack}, ""}, // its own and the forwarded one
		"failing":   {program("exit", "CODE=75"), []worker.Verdict{retried, given}, message.ReasonError},
		"given-up":  {program("exit", "CODE=65"), []worker.Verdict{given}, message.ReasonPermanent},
		"polite":    {polite, []worker.Verdict{retried, given}, message.ReasonTimeout},
		"hanging":   {hanging, []worker.Verdict{retried, given}, message.ReasonTimeout},
		"gone":      {gone, []worker.Verdict{given}, message.ReasonPermanent},
		"busy":      {busy, []worker.Verdict{retried, given}, message.ReasonError},
		"forwarded": {job.Forward{Key: "done", Sender: running(t, b.Config())}, []worker.Verdict{worker.Ack}, ""},
	}
	w := worker.New(worker.Config{Broker: b.Config()})
	for name, tt := range tests {
		q := worker.Queue{Name: name, Retry: retry.Policy{MaxAttempts: 2, InitialInterval: time.Millisecond}, Timeout: 30 * time.Second}
		if name == "hanging" || name == "polite" {
			q.Timeout = 500 * time.Millisecond
		}
		w.Queue(q).Handle("#", handler(t, tt.config))
	}
	run := warrentest.Run(t, w)
	for name := range tests {
		b.Publish("", name, []byte("body"))
	}
	b.WaitIdle()
	for name, tt := range tests {
		outcomes := run.Outcomes(name)
		if len(outcomes) != len(tt.want) || outcomes[len(outcomes)-1].Reason != tt.reason {
			t.Errorf("%s: got %v, want %v, the last for the reason %q", name, outcomes, tt.want, tt.reason)
			continue
		}
		for i, want := range tt.want {
			if outcomes[i].Verdict != want {
				t.Errorf("%s: got %v, want %v", name, outcomes, tt.want)
			}
		}
	}
}

// TestAWorkerStopsCommandsInTime: one command ignores SIGTERM, and one exits with 0 then.
func TestAWorkerStopsCommandsInTime(t *testing.T) {
	t.Parallel()
	b := warrentest.NewBroker(t)
	s := listen(t)
	w := worker.New(worker.Config{Broker: b.Config(), Grace: 10 * time.Millisecond, Logger: quiet()})
	for name, e := range map[string]job.Exec{"ignores": program("wait", s.env()), "exits": program("graceful", "CODE=0", s.env())} {
		e.KillDelay = time.Minute
		w.Queue(worker.Queue{Name: name}).Handle("#", handler(t, e))
	}
	persistent := program("answer", s.env())
	persistent.Persistent, persistent.Logger, persistent.KillDelay = true, quiet(), time.Minute
	w.Queue(worker.Queue{Name: "hangs"}).Handle("#", handler(t, persistent))
	run := warrentest.Run(t, w)
	for _, queue := range []string{"ignores", "exits", "hangs"} {
		b.Publish("", queue, []byte("hang"))
		s.accept()
	}
	if err := run.Stop(); err != nil {
		t.Errorf("the worker's end is %v, want nil", err)
	}
	for _, queue := range []string{"ignores", "exits", "hangs"} {
		if n := len(b.Waiting(queue)); n != 1 {
			t.Errorf("%d messages are in queue %s, want the released one", n, queue)
		}
	}
}
