package deadletter

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Group describes the dead letters with one fingerprint: failures of one kind.
type Group struct {
	Fingerprint string    `json:"fingerprint"` // empty for the group that collects all kinds beyond the first 1,000
	Count       int       `json:"count"`
	First       time.Time `json:"first,omitzero"` // the earliest failure; zero if unknown
	Last        time.Time `json:"last,omitzero"`
	Reason      string    `json:"reason"`               // the reason of the latest dead letter
	Error       string    `json:"error"`                // the error of the latest dead letter
	ErrorType   string    `json:"error_type,omitempty"` // the error's Go type of the latest dead letter
	Example     string    `json:"example"`              // the id of the latest dead letter
	Keys        []string  `json:"routing_keys"`         // up to 10, in the order of their first dead letters
}

// Groups keeps at most maxGroups kinds of failures, with maxKeys routing keys each,
// because the number of error texts has no limit.
const (
	maxGroups = 1000
	maxKeys   = 10
)

// Groups returns the kinds of failures among the dead letters that match the filter,
// the largest group first. It removes no dead letter. For the order and the lock see Read.
func (c *Client) Groups(ctx context.Context, queue string, filter Filter) ([]Group, error) {
	byKind := make(map[string]*Group)
	err := c.Read(ctx, queue, filter, func(l DeadLetter) error {
		kind := l.Fingerprint
		if byKind[kind] == nil && len(byKind) >= maxGroups {
			kind = ""
		}
		if byKind[kind] == nil {
			byKind[kind] = &Group{Fingerprint: kind}
		}
		byKind[kind].add(&l)
		return nil
	})
	groups := make([]Group, 0, len(byKind))
	for _, g := range byKind {
		groups = append(groups, *g)
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return groups, err
}

func (g *Group) add(l *DeadLetter) {
	g.Count++
	if g.First.IsZero() || !l.FailedAt.IsZero() && l.FailedAt.Before(g.First) {
		g.First = l.FailedAt
	}
	if !l.FailedAt.Before(g.Last) {
		g.Last = l.FailedAt
		g.Reason, g.Error, g.ErrorType, g.Example = l.Reason, l.Error, l.ErrorType, l.ID
	}
	if key := l.Message.RoutingKey; len(g.Keys) < maxKeys && !slices.Contains(g.Keys, key) {
		g.Keys = append(g.Keys, key)
	}
}
