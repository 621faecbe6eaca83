package broker

import (
	"context"
	"fmt"
)

// DeleteQueue deletes a queue with all its messages, and says how many were ready. A
// queue that does not exist is no error.
func (s *Session) DeleteQueue(ctx context.Context, queue string) (messages int, err error) {
	ch, err := s.channel(ctx)
	if err != nil {
		return 0, err
	}
	messages, err = ask(ctx, s, func() (int, error) { return ch.QueueDelete(queue, false, false, false) }, closing[int](ch))
	if err != nil {
		return 0, fmt.Errorf("broker: delete queue %s: %w", queue, err)
	}
	return messages, s.closeChannel(ch)
}
