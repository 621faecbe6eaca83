package handler

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/warren-mq/warren/message"
)

// BatchHandler handles several messages by one call. Batch makes one; worker.Subscription has
// the method HandleBatch for it.
type BatchHandler interface {
	// Decode returns the item of a message. If it returns an error, the message is not part of
	// a batch, and the error is its own.
	Decode(ctx context.Context, m *message.Message) (any, error)
	// HandleBatch handles items that Decode has returned.
	HandleBatch(ctx context.Context, items []any) error
}

// BatchError says which items of a batch failed, by their index. The other items are
// acknowledged.
type BatchError map[int]error

// Error returns the number of errors and the first one.
func (e BatchError) Error() string {
	for _, i := range slices.Sorted(maps.Keys(e)) {
		return fmt.Sprintf("handler: %d items of a batch failed; item %d: %v", len(e), i, e[i])
	}
	return "handler: a batch failed without an error of an item"
}

type batch[T any] struct {
	*typed[T]

	fn func(context.Context, []T) error
}

// Batch returns a BatchHandler that decodes each body into a T as Typed does, with the same
// options, and calls fn with several of them. fn may return a BatchError. An error made by
// retry.Snooze or retry.After postpones all items. After any other error they are handled in
// parts, to find the items that fail, so fn may be called again with an item that it has handled
// already. message.FromContext returns the first message of a batch. Batch panics if fn is nil.
func Batch[T any](fn func(context.Context, []T) error, opts ...Option) BatchHandler {
	if fn == nil {
		panic("handler: Batch got a nil function")
	}
	one := func(context.Context, T) error { return nil }  // only its options are used
	return &batch[T]{Typed(one, opts...).(*typed[T]), fn} //nolint:errcheck,forcetypeassert // Typed returns no other type
}

func (b *batch[T]) Decode(ctx context.Context, m *message.Message) (any, error) {
	return b.decode(ctx, m)
}

func (b *batch[T]) HandleBatch(ctx context.Context, items []any) error {
	all := make([]T, 0, len(items))
	for _, item := range items {
		t, _ := item.(T) // Decode has returned it: a JSON null is a nil interface, which has no type
		all = append(all, t)
	}
	return b.fn(ctx, all)
}
