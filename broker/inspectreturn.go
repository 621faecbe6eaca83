package broker

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// RabbitMQ 3.10 forgets the order of more than 32 messages that come back at once, and
// the broker's queue client that of more than 32 commands under way (all versions). On
// 4.3.6 acks behind so many were lost with their channel, too.
const (
	backAtOnce = 32
	backPause  = 16 * backAtOnce
)

// settleTime bounds how long the broker may take until what came back is ready.
const settleTime = 5 * time.Second

// GiveBack returns all that is held to the queue, in its order, before what no one
// has taken, and waits until it is there. More may be taken afterwards.
func (i *Inspection) GiveBack() error {
	if err := i.takeRest(); err != nil {
		return err
	}
	tags, acked := i.release()
	size := backPause
	if acked {
		size = 1 // once this one is there, the acks are no longer under way
	}
	for len(tags) > 0 {
		part := tags[:min(size, len(tags))]
		if err := i.giveBack(part); err != nil {
			return fmt.Errorf("broker: give back messages of %s: %w", i.queue, err)
		}
		tags, size = tags[len(part):], backPause
	}
	return nil
}

// release forgets what is held.
func (i *Inspection) release() (tags []uint64, acked bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	tags, acked = slices.Sorted(maps.Keys(i.open)), i.acked
	clear(i.open)
	i.backlog, i.acked = nil, false
	return tags, acked
}

// takeRest takes what others have given back before, if some of it has been taken:
// a quorum queue puts what comes back behind that.
func (i *Inspection) takeRest() error {
	i.mu.Lock()
	partly := len(i.open) > 0 && i.redelivered
	i.mu.Unlock()
	if !partly {
		return nil
	}
	return i.Take(context.Background(), math.MaxInt, func(h *Held) (bool, error) { return h.raw.Redelivered, nil })
}

func (i *Inspection) giveBack(tags []uint64) error {
	before, err := i.State()
	if err != nil {
		return err
	}
	for part := range slices.Chunk(tags, backAtOnce) {
		if err := i.ch.Nack(part[len(part)-1], true, true); err != nil {
			return err
		}
	}
	return returned(i.State, before.Messages+len(tags), time.Now().Add(settleTime))
}

// returned waits until the queue has want messages, or the deadline is over: if someone
// else consumes the count says nothing, and time has to be enough.
func returned(state func() (QueueState, error), want int, deadline time.Time) error {
	for {
		now, err := state()
		if err != nil || now.Messages >= want || time.Now().After(deadline) {
			return err
		}
		<-time.After(time.Millisecond)
	}
}
