package command

import (
	"math"
	"testing"
	"time"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
)

func TestAMessageMayWaitForItsTurn(t *testing.T) {
	t.Parallel()
	const minute = config.Limit(time.Minute)
	tests := map[string]struct {
		queue config.Queue
		want  time.Duration
	}{
		"twice the timeout with the default prefetch":  {config.Queue{Timeout: minute, Concurrency: 8}, 2 * time.Minute},
		"once with priorities, which prefetch no more": {config.Queue{Timeout: minute, Concurrency: 8, MaxPriority: 10}, time.Minute},
		"once more for a turn that is not full":        {config.Queue{Timeout: minute, Concurrency: 8, Prefetch: 17}, 3 * time.Minute},
		"behind all others of its key":                 {config.Queue{Timeout: minute, Concurrency: 8, OrderBy: "type"}, 16 * time.Minute},
		"without end if the handlers have no time-out": {config.Queue{Timeout: -1, Concurrency: 8}, math.MaxInt64},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := waitOf(tt.queue); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestDoctorComparesTimeoutsWithTheConsumerTimeoutInUse(t *testing.T) {
	t.Parallel()
	const long = config.Limit(3 * time.Hour)
	ofTenHours := map[string]any{"x-consumer-timeout": 36_000_000}
	for name, tt := range map[string]struct {
		queue   config.Queue
		version string
		want    string
	}{
		"a short timeout":                               {config.Queue{Timeout: config.Limit(time.Minute)}, "4.0.5", "ok"},
		"a long timeout before 4.3":                     {config.Queue{Timeout: long}, "4.0.5", "warning"},
		"a long timeout, for which the worker asks":     {config.Queue{Timeout: long}, "4.3.6", "ok"},
		"a timeout beyond what the worker asks for":     {config.Queue{Timeout: 9 * long}, "4.3.6", "warning"},
		"no timeout, for which the worker does not ask": {config.Queue{Timeout: -1}, "4.3.6", "warning"},
		"a long timeout of a classic queue":             {config.Queue{Timeout: long, Type: topology.Classic}, "4.3.6", "warning"},
		"a queue of others of unknown kind":             {config.Queue{Timeout: long, Topology: "trust"}, "4.3.6", "warning"},
		"a quorum queue of others":                      {config.Queue{Timeout: long, Topology: "trust", Type: topology.Quorum}, "4.3.6", "ok"},
		"a consumer argument since 4.3":                 {config.Queue{Timeout: long, ConsumerArguments: ofTenHours}, "4.3.6", "ok"},
		"a consumer argument that is too short":         {config.Queue{Timeout: 4 * long, ConsumerArguments: ofTenHours}, "4.3.6", "warning"},
		"a consumer argument, ignored before 4.3":       {config.Queue{Timeout: long, ConsumerArguments: ofTenHours}, "4.0.5", "warning"},
		"an argument of the queue since 4.0":            {config.Queue{Timeout: long, Arguments: ofTenHours}, "4.0.5", "ok"},
		"an argument of the queue, ignored by 3.10":     {config.Queue{Timeout: long, Arguments: ofTenHours}, "3.10.8", "warning"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.queue.Concurrency = 1
			e := &examination{config: &config.Config{Queues: []config.Queue{tt.queue}}}
			e.checkTimeouts(tt.version)
			if len(e.findings) != 1 || e.findings[0].Status != tt.want {
				t.Errorf("found %+v, want one %s", e.findings, tt.want)
			}
		})
	}
}

func TestDoctorWarnsOfRedeliveriesWithoutLimit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		queue config.Queue
		want  string
	}{
		"a queue without a type is a quorum queue":               {config.Queue{}, "ok"},
		"with priorities it is a classic queue":                  {config.Queue{MaxPriority: 5}, "warning"},
		"a quorum queue with priorities":                         {config.Queue{MaxPriority: 5, Type: topology.Quorum}, "ok"},
		"a classic queue":                                        {config.Queue{Type: topology.Classic}, "warning"},
		"a stream":                                               {config.Queue{Type: topology.Stream}, "ok"},
		"a queue of a process, which is deleted when it crashes": {config.Queue{PerProcess: true}, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &examination{config: &config.Config{Queues: []config.Queue{tt.queue}}}
			e.checkLimits()
			if len(e.findings) != 1 || e.findings[0].Status != tt.want {
				t.Errorf("found %+v, want one %s", e.findings, tt.want)
			}
		})
	}
}
