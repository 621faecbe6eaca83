package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/warren-mq/warren/topology"
)

// checkAnnounced returns an error if dlq, the dead-letter queue of a work queue, is only announced
// and may be another queue. Every publisher to the exchange of announcements can announce any name,
// and reading a work queue counts deliveries.
func (s *snapshot) checkAnnounced(t topology.Topology, queue, dlq string) error {
	if _, known := t.DeadLetterQueue(queue); known || dlq == topology.DeadLetterQueue(queue) {
		return nil
	}
	refuse := func(what string) error {
		return &statusError{http.StatusConflict, fmt.Errorf("console: a process announces %q as the dead-letter queue of %q, but %s: use a console whose configuration has queue %q",
			line(dlq), line(queue), what, line(queue))}
	}
	for _, p := range s.Processes {
		for _, q := range p.Queues {
			if q.Name == queue && q.DLQ != dlq && !q.Missing {
				return refuse(fmt.Sprintf("another one announces %q", line(q.DLQ)))
			}
		}
	}
	works := s.queueNames(t)
	switch {
	case slices.Contains(works, dlq):
		return refuse("that is a work queue")
	case topology.IsParking(dlq), strings.HasPrefix(dlq, "warren."):
		return refuse("that is a queue of Warren")
	case slices.ContainsFunc(works, func(work string) bool { return topology.IsPartition(work, dlq) }):
		return refuse("that is a partition of a work queue")
	}
	return nil
}

// confirmation returns the name that an operator types to discard dead letters of a queue: the
// name of the queue, or of its dead-letter queue if that does not follow from it.
func confirmation(queue, dlq string) string {
	if dlq == topology.DeadLetterQueue(queue) {
		return queue
	}
	return dlq
}
