package console_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/limit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestPartitionsAndSlotsAreShown of a queue whose handler holds the only slot of a limit.
func TestPartitionsAndSlotsAreShown(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	t.Cleanup(func() {
		ch := rabbit.Channel(t, b.cfg.URL)
		for _, name := range []string{topology.Partition(b.queue, 0), topology.Partition(b.queue, 1), "warren.limit." + b.queue + ".0"} {
			if _, err := ch.QueueDelete(name, false, false, false); err != nil {
				t.Error(err)
			}
		}
	})
	defer b.run(func(ctx context.Context, _ *message.Message) error {
		<-handler.Stopping(ctx)
		return handler.ErrStopping
	}, func(q *worker.Queue) {
		q.Concurrency, q.Partitions, q.OrderBy = 2, 2, func(m *message.Message) string { return m.ID }
		q.Middleware = []handler.Middleware{limit.Concurrency(b.queue, 1)}
	})()
	for i := range 20 {
		b.publish(i, broker.WithMessageID(string(rune('a'+i))))
	}
	type shares struct {
		Ready        int   `json:"ready"`
		InPartitions []int `json:"in_partitions"`
		Concurrency  int   `json:"concurrency"`
		Members      []struct {
			Consumes []int `json:"consumes"`
		} `json:"members"`
	}
	b.eventually("the partitions are counted", func() bool {
		var s shares
		status, text := b.request(http.MethodGet, "api/queues/"+b.queue, nil)
		return status == http.StatusOK && json.Unmarshal([]byte(text), &s) == nil && len(s.Members) == 1 && slices.Equal(s.Members[0].Consumes, []int{0, 1}) && s.Concurrency == 4 &&
			len(s.InPartitions) == 2 && s.Ready > 0 && s.Ready == s.InPartitions[0]+s.InPartitions[1]
	})
	b.eventually("the slot is shown", func() bool {
		return strings.Contains(b.page("processes"), b.queue+": 1 of 1, ")
	})
	for path, want := range map[string]string{"queues": "2 partitions", "queues/" + b.queue: "<td>0 1 </td>"} {
		if page := b.page(path); !strings.Contains(page, want) {
			t.Errorf("the page %s lacks %q:\n%s", path, want, page)
		}
	}
}
