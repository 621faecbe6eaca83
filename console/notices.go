package console

import (
	"crypto/rand"
	"sync"
)

// maxNotices is how many outcomes are kept until their pages are shown.
const maxNotices = 200

// notices keep the outcomes of actions for the pages that show them. An address contains only a
// random id, so that a link cannot put text into a page.
type notices struct {
	mu    sync.Mutex
	order []string
	all   map[string]outcome
}

func (n *notices) add(o outcome) (id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all == nil {
		n.all = make(map[string]outcome)
	}
	id = rand.Text()
	n.all[id] = o
	n.order = append(n.order, id)
	if len(n.order) > maxNotices {
		delete(n.all, n.order[0])
		n.order = n.order[1:]
	}
	return id
}

// of returns the outcome with the id, or nil.
func (n *notices) of(id string) *outcome {
	n.mu.Lock()
	defer n.mu.Unlock()
	if o, ok := n.all[id]; ok {
		return &o
	}
	return nil
}
