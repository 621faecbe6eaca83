package config

import (
	"fmt"
	"slices"
)

// Leftovers returns what stays on the broker and goes on filling when one configuration
// follows another, and what to do about it: nothing is ever deleted by itself.
func Leftovers(from, to *Config) []string {
	var found []string
	for _, old := range from.Queues {
		i := slices.IndexFunc(to.Queues, func(q Queue) bool { return q.Name == old.Name })
		if i < 0 {
			found = append(found, fmt.Sprintf("queue %q is not in the configuration any more: it stays on the broker, bound, and fills"+
				" without a consumer; once it is empty, delete it with: rabbitmqctl delete_queue --if-empty --if-unused %s", old.Name, old.Name))
			continue
		}
		found = append(found, staleKeys(old, to.Queues[i])...)
	}
	return found
}

// staleKeys are those by which the queue stays bound though no handler has them.
func staleKeys(old, q Queue) (found []string) {
	if old.Exchange == "" {
		return nil
	}
	for _, h := range old.Handlers {
		if old.Exchange == q.Exchange && slices.ContainsFunc(q.Handlers, func(now Handler) bool { return now.Key == h.Key }) {
			continue
		}
		found = append(found, fmt.Sprintf("queue %q stays bound to exchange %q by the key %q, which is not in the configuration any more,"+
			" and goes on receiving its messages: remove the binding in the management UI", q.Name, old.Exchange, h.Key))
	}
	return found
}
