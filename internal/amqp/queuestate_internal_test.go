package amqp

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestEmptyQueuesThatAnswerLateAreAskedAgain answers as RabbitMQ does for a quorum queue
// under load: after 250 ms, with zeros.
func TestEmptyQueuesThatAnswerLateAreAskedAgain(t *testing.T) {
	t.Parallel()
	failure := errors.New("failure")
	late, there := 250*time.Millisecond, QueueState{Messages: 5, Consumers: 1}
	type answer struct {
		after time.Duration
		state QueueState
		err   error
	}
	tests := []struct {
		name    string
		answers []answer // the last is repeated
		want    QueueState
		asked   int
		err     error
	}{
		{"an empty queue that answers at once is empty", []answer{{0, QueueState{}, nil}}, QueueState{}, 1, nil},
		{"counts are believed however late they are", []answer{{late, there, nil}}, there, 1, nil},
		{"a late zero is asked again", []answer{{late, QueueState{}, nil}, {late, QueueState{}, nil}, {0, there, nil}}, there, 3, nil},
		{"an error ends it", []answer{{late, QueueState{}, nil}, {late, QueueState{}, failure}}, QueueState{}, 2, failure},
		{"a queue behind a slow network is empty in the end", []answer{{late, QueueState{}, nil}}, QueueState{}, countTries, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				got, err := Counted(t.Context(), func() (QueueState, error) {
					a := tt.answers[min(asked, len(tt.answers)-1)]
					asked++
					<-time.After(a.after)
					return a.state, a.err
				})
				if got != tt.want || asked != tt.asked || !errors.Is(err, tt.err) {
					t.Errorf("got %+v, %v after %d answers; want %+v, %v after %d", got, err, asked, tt.want, tt.err, tt.asked)
				}
			})
		})
	}
}

func TestDoneContextsEndTheCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		enough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		_, err := Counted(ctx, func() (QueueState, error) {
			<-time.After(time.Second)
			cancel(enough)
			return QueueState{}, nil
		})
		if !errors.Is(err, enough) {
			t.Errorf("got %v, want the context's cause", err)
		}
	})
}
