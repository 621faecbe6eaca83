package console

import (
	"net/http"
	"strings"
	"testing"

	"github.com/warren-mq/warren/topology"
)

// TestOnlyADeadLetterQueueIsRead: anyone may announce any name as the dead-letter queue of a queue.
func TestOnlyADeadLetterQueueIsRead(t *testing.T) {
	t.Parallel()
	known := topology.WorkQueue{Name: "mail", DeadLetters: topology.DeadLetters{Queue: "failed-mail"}}.Topology()
	for name, tt := range map[string]struct {
		queue, announced, also string
		want                   string
	}{
		"the usual name":                          {"orders", "orders.dlq", "", ""},
		"another name":                            {"orders", "graveyard", "", ""},
		"a queue of the topology":                 {"mail", "failed-mail", "", ""},
		"a work queue that is announced":          {"orders", "payments", "", "is a work queue"},
		"a work queue of the topology":            {"orders", "mail", "", "is a work queue"},
		"a parking queue":                         {"orders", "payments.delay", "", "is a queue of Warren"},
		"a queue of schedules":                    {"orders", "warren.schedule.token.jobs", "", "is a queue of Warren"},
		"a partition":                             {"orders", "payments.partition.3", "", "is a partition"},
		"another name than another process has":   {"orders", "graveyard", "orders.dlq", `another one announces "orders.dlq"`},
		"the usual name, unlike another process":  {"orders", "orders.dlq", "graveyard", ""},
		"a queue of the topology, and of a rogue": {"mail", "payments", "", ""}, // the topology decides
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &snapshot{Processes: []process{
				{Queues: []memberQueue{{Name: tt.queue, DLQ: tt.announced}, {Name: "payments"}}},
			}}
			if tt.also != "" {
				s.Processes = append(s.Processes, process{Queues: []memberQueue{{Name: tt.queue, DLQ: tt.also}}})
			}
			dlq := s.deadLetterQueue(known, tt.queue)
			err := s.checkAnnounced(known, tt.queue, dlq)
			if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || statusOf(err) != http.StatusConflict) {
				t.Errorf("the queue is %s and the error %v, want %q", dlq, err, tt.want)
			}
		})
	}
}
