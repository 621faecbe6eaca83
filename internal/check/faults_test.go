package check_test

import (
	"errors"
	"testing"

	"github.com/warren-mq/warren/internal/check"
)

func TestFaultsAreOneError(t *testing.T) {
	t.Parallel()
	f, cause := check.Of(`worker: queue "mail"`), errors.New("boom")
	f.Addf(false, "this is fine")
	f.Add(nil)
	if err := f.Err(); err != nil {
		t.Errorf("got %v without a fault, want nil", err)
	}
	f.Addf(true, "Prefetch is %d, want %w", -1, cause)
	f.Add(errors.New("retry: wrong"), nil)
	const want = "worker: queue \"mail\": Prefetch is -1, want boom\nretry: wrong"
	if err := f.Err(); err == nil || err.Error() != want || !errors.Is(err, cause) {
		t.Errorf("got %v, want %s", err, want)
	}
}
