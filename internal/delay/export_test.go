package delay

import (
	"context"
	"time"
)

// Targets returns how many targets the keeper remembers.
func (k *Keeper) Targets(ctx context.Context) (n int) {
	if err := k.do(ctx, func(time.Time) { n = len(k.targets) }); err != nil {
		return -1
	}
	return n
}
