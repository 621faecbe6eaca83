package outbox

import (
	"context"
	"slices"
)

// Claim takes a batch as a relay does: the aggregates it has in hand, and how to mark
// all of it published.
func Claim(ctx context.Context, r *Relay) (aggregates []string, mark func() error, err error) {
	b, err := r.claim(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, group := range b.groups() {
		aggregates = append(aggregates, group[0].aggregate)
	}
	return aggregates, func() error { return r.mark(ctx, &b, &outcome{published: slices.Clone(b.rows)}) }, nil
}
