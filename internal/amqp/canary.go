package amqp

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// Workers report on the first attempt of messages that carry record.HeaderCanary, and the
// replay that sent them waits for these reports. The header names the queue of the replay.
// Any publisher may set the header, so a worker accepts only names of this form. It
// publishes the report to the dead-letter exchange, to which it publishes anyway. Only a
// queue that was bound there for the purpose can therefore receive a report.
const (
	canaryPrefix = "warren.canary."
	canaryBytes  = 16 // random bytes in a name, so that it cannot be guessed
	canaryDigits = 9  // at most, of a message's number
	canaryName   = len(canaryPrefix) + 2*canaryBytes
)

// CanaryHeader returns the value of record.HeaderCanary for the nth canary. The reports on
// it are published to queue.
func CanaryHeader(queue string, n int) string { return fmt.Sprintf("%s.%d", queue, n) }

// CanaryQueue returns the queue named in a value of record.HeaderCanary. It returns false
// unless CanaryHeader could have made the value for a queue of ConsumeReports.
func CanaryQueue(header string) (queue string, ok bool) {
	if len(header) < canaryName+2 || len(header) > canaryName+1+canaryDigits {
		return "", false
	}
	queue, number := header[:canaryName], header[canaryName:]
	random, ok := strings.CutPrefix(queue, canaryPrefix)
	if !ok || number[0] != '.' || strings.Trim(random, "0123456789abcdef") != "" || strings.Trim(number[1:], "0123456789") != "" {
		return "", false
	}
	return queue, true
}

// ConsumeReports declares a queue for reports on canaries and consumes from it. The queue
// has a new name, and is deleted when the session ends. The user needs permission to
// configure, write and read "warren.canary.*", and to read from DeadLetterExchange.
func (s *Session) ConsumeReports(ctx context.Context) (*Consumer, error) {
	random := make([]byte, canaryBytes)
	if _, err := rand.Read(random); err != nil {
		return nil, fmt.Errorf("broker: name a queue for reports: %w", err)
	}
	name := canaryPrefix + hex.EncodeToString(random)
	ch, err := s.Channel(ctx)
	if err != nil {
		return nil, err
	}
	err = s.Call(ctx, func() error {
		if _, err := ch.QueueDeclare(name, false, true, true, false, amqp091.Table{"x-queue-type": topology.Classic}); err != nil {
			return err
		}
		return ch.QueueBind(name, name, topology.DeadLetterExchange, false, nil)
	}, ch.Close)
	if err != nil {
		return nil, fmt.Errorf("broker: declare a queue for reports: %w", err)
	}
	if err := s.CloseChannel(ch); err != nil {
		return nil, fmt.Errorf("broker: declare a queue for reports: %w", err)
	}
	return s.Consume(ctx, Consume{Queue: name, Prefetch: 256})
}

// Queue returns the name of the queue that the consumer receives from.
func (c *Consumer) Queue() string { return c.queue }

// reporting is the channel for reports. Other messages do not use it, because the broker
// closes a channel on which it refuses a message.
type reporting struct {
	taken   chan struct{} // held while the fields are used
	session *Session
	ch      *amqp091.Channel
}

// Report publishes m to the queue named in a value of record.HeaderCanary. It does not wait
// for a confirm: it may return nil although m has not arrived or the queue does not exist.
func (s *Sender) Report(ctx context.Context, header string, m *message.Message) error {
	queue, ok := CanaryQueue(header)
	if !ok {
		return errors.New("broker: report on a canary: its header names no queue for reports")
	}
	select {
	case s.reporting.taken <- struct{}{}:
		defer func() { <-s.reporting.taken }()
	case <-ctx.Done():
		return fmt.Errorf("broker: report on a canary: %w", context.Cause(ctx))
	}
	if err := s.report(ctx, queue, Publishing(m)); err != nil {
		return fmt.Errorf("broker: report on a canary: %w", err)
	}
	return nil
}

func (s *Sender) report(ctx context.Context, queue string, p amqp091.Publishing) error {
	session, err := s.connector.Session(ctx)
	if err != nil {
		return err
	}
	r := &s.reporting
	if r.session != session || r.ch.IsClosed() {
		ch, err := session.Channel(ctx)
		if err != nil {
			return err
		}
		r.session, r.ch = session, ch
	}
	ch := r.ch
	return session.Call(ctx, func() error { return ch.Publish(topology.DeadLetterExchange, queue, false, false, p) }, ch.Close)
}
