package warrentest

import (
	"testing"
	"time"
)

// AwaitBriefly waits for a condition that never holds.
func AwaitBriefly(tb testing.TB, instead func() string) {
	p := pace{longest: time.Millisecond, patience: 20 * time.Millisecond}
	p.await(tb, new(bell), func() bool { return false }, instead)
}
