package delay

import (
	"time"
)

// The prefetch of a parking queue begins small, since the size of its messages is not known
// yet. It grows while the messages are small and more than the prefetch are waiting, and
// shrinks when they take too much memory.
const (
	FirstPrefetch = 32
	lastPrefetch  = 4 << 10 // with four times as many, RabbitMQ took 2.5 times as long for 100,000: decision 0012
	growth        = 8
)

const (
	// MaxBytes is the memory above which the keeper counts as full. Above twice as much it
	// requeues further messages, unless it holds fewer than FirstPrefetch.
	MaxBytes = 32 << 20
	perItem  = 1 << 10 // of memory, beside body and headers

	// levelSlack is how much earlier than its due time a message leaves a level at most, so
	// that the keeper determines the precision.
	levelSlack = 8 * time.Second
	// farFrom is the delay from which a message waits in a level instead of in the keeper.
	farFrom = 64*time.Second + levelSlack
	// pressedFrom is farFrom while the keeper is full.
	pressedFrom = 3 * time.Second
)

// Resize returns a channel that receives a value when a prefetch other than the given one,
// which the consumer now has, may suit the keeper better: see Better. One goroutine at a
// time may wait.
func (k *Keeper) Resize(prefetch int) <-chan struct{} {
	k.prefetch.Store(int64(prefetch))
	return k.resize
}

// askResize asks for another consumer if another prefetch suits better.
func (k *Keeper) askResize() {
	now := int(k.prefetch.Load())
	if now == 0 || k.Better(now) == now {
		return
	}
	select {
	case k.resize <- struct{}{}:
	default:
	}
}

// Better returns the prefetch that the next consumer is to have after one with the given
// prefetch.
func (k *Keeper) Better(prefetch int) int {
	count, bytes := k.Held()
	if count == 0 {
		return prefetch
	}
	size := max(bytes/count, perItem) // the two are read one after the other
	switch fits := max(FirstPrefetch, MaxBytes/size); {
	case bytes > MaxBytes && prefetch > 2*fits, bytes > 2*MaxBytes && prefetch > fits:
		return fits
	case count >= prefetch && grows(prefetch, size):
		return larger(prefetch, size)
	}
	return prefetch
}

// larger returns the prefetch after the given one for messages of an average size.
func larger(prefetch, size int) int { return min(prefetch*growth, lastPrefetch, MaxBytes/size) }

// grows reports whether the prefetch can become larger by a quarter or more.
func grows(prefetch, size int) bool { return larger(prefetch, size) >= prefetch+prefetch/4 }

// pressed reports whether the keeper is almost full and its prefetch cannot grow, so that
// messages that are due later must wait in levels.
func (k *Keeper) pressed() bool {
	count, bytes := k.Held()
	prefetch := int(k.prefetch.Load())
	if prefetch == 0 {
		prefetch = lastPrefetch
	}
	return bytes > MaxBytes || count > prefetch/4*3 && !grows(prefetch, max(bytes/count, perItem))
}

// Overfull reports whether the keeper requeues further messages. The prefetch bounds the
// number of messages and not their size, so larger ones than before may exceed MaxBytes.
func (k *Keeper) Overfull() bool {
	count, bytes := k.Held()
	return bytes > 2*MaxBytes && count >= FirstPrefetch
}
