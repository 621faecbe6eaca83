package console

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Replicas are the nodes of a cluster that hold a replica of a queue.
type Replicas struct {
	Leader  string   `json:"leader,omitempty"` // empty if the queue has none at present
	Members []string `json:"members"`
	Online  []string `json:"online"` // those of Members that are up
}

// Offline returns the members that are not online.
func (r *Replicas) Offline() (some []string) {
	for _, m := range r.Members {
		if !slices.Contains(r.Online, m) {
			some = append(some, m)
		}
	}
	return some
}

// replicasOf are the replicas of queues, each read at most every 10 s.
type replicasOf struct {
	mu  sync.Mutex
	all map[string]readReplicas
}

type readReplicas struct {
	at       time.Time
	replicas *Replicas
	fault    string
}

// get returns the replicas of a queue, or nil and why they are not known.
func (o *replicasOf) get(ctx context.Context, read func(context.Context, string) (*Replicas, error), queue string) (*Replicas, string) {
	if read == nil {
		return nil, ""
	}
	o.mu.Lock()
	defer o.mu.Unlock() // one read at a time is enough
	if one, ok := o.all[queue]; ok && time.Since(one.at) < stateFresh {
		return one.replicas, one.fault
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stateTime) // others get the result, too
	defer cancel()
	one := readReplicas{at: time.Now()}
	replicas, err := read(ctx, queue)
	if err != nil {
		one.fault = line(err.Error())
	} else if replicas != nil && len(replicas.Members) > 0 {
		one.replicas = replicas
	}
	if o.all == nil || len(o.all) > maxQueues {
		o.all = make(map[string]readReplicas)
	}
	o.all[queue] = one
	return one.replicas, one.fault
}
