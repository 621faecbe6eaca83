package deadletter_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/warren-mq/warren/deadletter"
)

func TestDiscardRemovesWhatWasAudited(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(5)
	var audited []string
	full := errors.New("disk full")
	result, err := b.client.Discard(t.Context(), b.dlq, deadletter.Filter{Limit: 3}, func(l deadletter.DeadLetter) error {
		if l.ID == "letter-1" {
			return full
		}
		audited = append(audited, l.ID)
		return nil
	})
	if !errors.Is(err, full) || result.Failed != 1 {
		t.Errorf("the result is %+v, %v; want one failure", result, err)
	}
	want := slices.DeleteFunc(idsTo(5), func(id string) bool { return slices.Contains(audited, id) })
	if got := ids(b.read()); !slices.Equal(got, want) || len(audited) != result.Done || b.depth(b.queue.Name) != 0 {
		t.Errorf("discarded %v with the result %+v, left are %v", audited, result, got)
	}
	if result, err := b.client.Discard(t.Context(), b.dlq, deadletter.Filter{}, nil); err != nil || result.Done != len(want) || b.depth(b.dlq) != 0 {
		t.Errorf("then the result is %+v, %v, and %d are left", result, err, b.depth(b.dlq))
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(4)
	if n, err := b.client.Purge(t.Context(), b.dlq); err != nil || n != 4 || b.depth(b.dlq) != 0 {
		t.Errorf("purged %d, %v; %d are left", n, err, b.depth(b.dlq))
	}
}
