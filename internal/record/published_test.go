package record_test

import (
	"math"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

func TestWaitedIsTheTimeSinceThePublish(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_700_000_000_500)
	at := func(ms int64) message.Headers { return message.Headers{record.HeaderPublishedAt: ms} }
	for name, tt := range map[string]struct {
		m    message.Message
		want time.Duration
		ok   bool
	}{
		"from the header, in milliseconds":            {message.Message{Headers: at(1_700_000_000_250)}, 250 * time.Millisecond, true},
		"the header comes before the timestamp":       {message.Message{Headers: at(1_700_000_000_250), Timestamp: time.Unix(1, 0)}, 250 * time.Millisecond, true},
		"from the timestamp, in seconds":              {message.Message{Timestamp: time.Unix(1_699_999_990, 0)}, 10500 * time.Millisecond, true},
		"not from the timestamp in a later attempt":   {message.Message{Timestamp: time.Unix(1_699_999_990, 0), Attempt: 2}, 0, false},
		"a clock that is ahead gives 0":               {message.Message{Headers: at(1_700_000_060_000)}, 0, true},
		"a header that cannot be true does not panic": {message.Message{Headers: at(math.MinInt64)}, math.MaxInt64, true},
		"unknown without both":                        {message.Message{Headers: message.Headers{record.HeaderPublishedAt: "soon"}}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, ok := record.Waited(&tt.m, now); got != tt.want || ok != tt.ok {
				t.Errorf("waited %v, %v; want %v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestSetPublishedWritesTheTime(t *testing.T) {
	t.Parallel()
	var m message.Message
	record.SetPublished(&m)
	if waited, ok := record.Waited(&m, time.Now()); !ok || waited > time.Minute {
		t.Errorf("waited %v, %v; want less than a minute", waited, ok)
	}
}
