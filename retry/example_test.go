package retry_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/warren-mq/warren/retry"
)

// Delay computes the schedule of a policy. It keeps no state.
func ExamplePolicy_Delay() {
	p := retry.Policy{MaxAttempts: 6, MaxInterval: 10 * time.Second}
	for attempt := 1; !p.Exhausted(attempt); attempt++ {
		fmt.Print(p.Delay(attempt), " ")
	}
	// Output: 1s 2s 4s 8s 10s
}

// The caller passes the random number, so that a test can choose it.
func ExamplePolicy_Randomized() {
	p := retry.Policy{RandomizationFactor: 0.5}
	fmt.Println(p.Randomized(1, 0), p.Randomized(1, 0.5), p.Randomized(1, 0.75))
	// Output: 500ms 1s 1.25s
}

func ExamplePolicy_Validate() {
	err := retry.Policy{InitialInterval: -time.Second, Multiplier: 0.5}.Validate()
	fmt.Println(err)
	// Output:
	// retry: initial interval is -1s, want more than 0
	// retry: multiplier is 0.5, want 1 or more
}

// A mark travels with the error and does not change its text.
func ExamplePermanent() {
	bounced := errors.New("mailbox does not exist")
	err := fmt.Errorf("welcome alice@example.com: %w", retry.Permanent(bounced))
	fmt.Println(err)
	fmt.Println(retry.IsPermanent(err), errors.Is(err, bounced))
	// Output:
	// welcome alice@example.com: mailbox does not exist
	// true true
}

func ExampleAfter() {
	err := retry.After(30*time.Second, errors.New("429 Too Many Requests"))
	d, ok := retry.AfterDelay(err)
	fmt.Println(err, d, ok)
	// Output: 429 Too Many Requests 30s true
}

func ExampleSnooze() {
	d, ok := retry.SnoozeDelay(retry.Snooze(time.Hour))
	fmt.Println(d, ok)
	// Output: 1h0m0s true
}

func ExampleDiscard() {
	err := retry.Discard(errors.New("the user is gone"))
	fmt.Println(err, retry.IsDiscard(err))
	// Output: the user is gone true
}

// Zero fields of a policy take their values from Default.
func ExampleDefault() {
	fmt.Println(retry.Default().MaxAttempts, retry.Default().InitialInterval, retry.Default().MaxInterval)
	// Output:
	// 20 1s 10m0s
}
