package record_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// TestContractHasTheTypesThatAreWritten compares the types with the headers of a retry in a
// parking queue.
func TestContractHasTheTypesThatAreWritten(t *testing.T) {
	t.Parallel()
	m := &message.Message{ID: "m", Attempt: 2, Expiration: "1000", UserID: "guest"}
	f := record.Failure{Queue: "q", Message: m, Reason: message.ReasonPanic, Err: errors.New("no"), Stack: []byte("stack"), Retry: true, Handler: "#", At: time.Now()}
	retry := record.Copy(m, f.Headers())
	retry.Expiration = "5"
	record.SetPublished(retry)
	record.SetDueRefusals(retry, 1)
	record.Delay(retry, time.Second)
	compared := 0
	for _, h := range record.Contract() {
		value, ok := retry.Headers[h.Name]
		if !ok {
			continue
		}
		compared++
		if got := typeOf(value); got != h.Type {
			t.Errorf("%s is %v, a %s, and a %s by the contract", h.Name, value, got, h.Type)
		}
	}
	if compared < 20 {
		t.Errorf("compared %d headers, want most of them", compared)
	}
}

func typeOf(value any) string {
	switch value := value.(type) {
	case int64:
		return record.Integer
	case string:
		if _, err := time.Parse(time.RFC3339Nano, value); err == nil {
			return record.Time
		}
		return record.Text
	}
	return fmt.Sprintf("%T", value)
}
