package devbroker

import (
	"errors"
	"os"
	"testing"
	"time"
)

// TestAReadOfAPipeEndsAtItsDeadline, even one that passes while the read begins.
func TestAReadOfAPipeEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	client, server := newPipe()
	t.Cleanup(func() { _, _ = client.Close(), server.Close() }) // a pipe's never fails
	for i := range 20_000 {
		soon := time.Duration(i%300) * 100 * time.Nanosecond
		if err := client.SetReadDeadline(time.Now().Add(soon)); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("the read gives %v, want %v", err, os.ErrDeadlineExceeded)
		}
	}
}
