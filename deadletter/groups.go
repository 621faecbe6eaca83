package deadletter

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Group are the letters of one fingerprint: failures of one kind.
type Group struct {
	Fingerprint string    `json:"fingerprint"` // empty for what was of too many kinds to tell apart
	Count       int       `json:"count"`
	First       time.Time `json:"first,omitzero"` // the earliest failure; zero if it is not known
	Last        time.Time `json:"last,omitzero"`
	Reason      string    `json:"reason"`               // of the latest letter, as are the next three
	Error       string    `json:"error"`                //
	ErrorType   string    `json:"error_type,omitempty"` //
	Example     string    `json:"example"`              // its id
	Keys        []string  `json:"routing_keys"`         // up to 10, in the order they were met
}

// So many kinds are told apart, with so many routing keys each. Error texts can be of
// any number.
const (
	maxGroups = 1000
	maxKeys   = 10
)

// Groups returns the kinds of failures among the letters of the queue that the filter
// chooses, the largest first. It removes nothing. See Read.
func (c *Client) Groups(ctx context.Context, queue string, filter Filter) ([]Group, error) {
	byKind := make(map[string]*Group)
	err := c.Read(ctx, queue, filter, func(l Letter) error {
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

func (g *Group) add(l *Letter) {
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
