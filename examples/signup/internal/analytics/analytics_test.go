package analytics_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/examples/signup/internal/analytics"
	"github.com/warren-mq/warren/examples/signup/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEachSignUpIsCountedOnceByMinuteAndDomain(t *testing.T) {
	t.Parallel()
	c, err := analytics.Open(t.Context(), filepath.Join(t.TempDir(), "analytics.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	minute := time.Unix(1_700_000_040, 0).UTC()
	for _, e := range []event.SignedUp{
		{AccountID: "1", Email: "a@example.com", At: minute},
		{AccountID: "1", Email: "a@example.com", At: minute}, // it came twice
		{AccountID: "2", Email: `"odd@local"@Example.com`, At: minute.Add(59 * time.Second)},
		{AccountID: "3", Email: "c@example.org", At: minute.Add(time.Minute)},
	} {
		if err := c.Count(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := c.Total(t.Context()); n != 3 || err != nil {
		t.Errorf("%d counted, %v; want 3", n, err)
	}
	minutes, err := c.Minutes(t.Context(), 5)
	if want := []analytics.Minute{{minute, 2}, {minute.Add(time.Minute), 1}}; err != nil || !slices.Equal(minutes, want) {
		t.Errorf("got %v, %v; want %v", minutes, err, want)
	}
	domains, err := c.Domains(t.Context(), 5)
	if want := []analytics.Domain{{"example.com", 2}, {"example.org", 1}}; err != nil || !slices.Equal(domains, want) {
		t.Errorf("got %v, %v; want %v", domains, err, want)
	}
}
