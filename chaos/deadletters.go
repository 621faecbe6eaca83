package main

import (
	"context"
	"errors"
	"time"

	"github.com/warren-mq/warren/topology"
)

const deadLetters = "dead-letter" // the mode whose messages end in a dead-letter queue

// readDeadLetters adds the messages of the dead-letter queue to the ledger. It waits for
// missing messages while some arrive.
func (s *stage) readDeadLetters(ctx context.Context) (err error) {
	sent := s.sent(deadLetters)
	if len(sent) == 0 {
		return nil
	}
	conn, err := s.nodes.admin(s.vhost)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	arrived, err := ch.Consume(topology.DeadLetterQueue(deadLetters), "", true, false, false, false, nil)
	if err != nil {
		return err
	}
	for patience := 30 * time.Second; ; {
		select {
		case d, open := <-arrived:
			if !open {
				return errors.New("the consumer of the dead-letter queue was closed")
			}
			s.ledger.add(entry{mode: deadLetters, number: numberOf(d.Body)})
			if s.ledger.missing(deadLetters, sent) == 0 {
				patience = 2 * time.Second // for duplicates
			}
		case <-time.After(patience):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
