package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// recordInterval is how often the checkpoints of messages in hand are recorded, so that a process
// that is killed loses only the later ones.
const recordInterval = 10 * time.Second

// recordStop records what c leaves to the end of its channel, once all its handlers have ended. It
// returns before the channel is closed, so that the next consumer finds the record.
func (q *Subscription) recordStop(ctx context.Context, c *amqp.Consumer) {
	if !q.recordsStops() {
		return
	}
	c.Settled(ctx)
	if q.countsAttempts() {
		q.report(c.Arrived(ctx))
	}
	left := q.stops.take(c)
	for _, d := range c.Left() {
		left = append(left, q.stops.untouched(&d))
	}
	if c.Err() != nil || !slices.ContainsFunc(left, q.worthRecording) && !q.stops.outdated(c) {
		return
	}
	if err := q.writeStops(ctx, c, left); err != nil {
		q.worker.log.Warn("worker: stop not recorded, checkpoints may be lost and the stop counts as a delivery", "queue", q.config.Name, "error", err)
	}
}

// untouched returns what is known of a message that no handler has begun since it was received, or since it
// has waited in the worker.
func (s *stops) untouched(d *amqp.Delivery) stopped {
	if one, held := s.unhold(d.Tag); held {
		return one.afterStop("", one.deliveries).recordable()
	}
	var m message.Message
	d.Fill(&m)
	return stopped{Message: messageIdentity(&m), deliveries: m.DeliveryCount}
}

// take returns the messages that handlers have left, and forgets them.
func (s *stops) take(c *amqp.Consumer) []stopped {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.left[c]
	delete(s.left, c)
	return left
}

// worthRecording reports whether a message has a checkpoint, or half of the deliveries that it may
// have. Stops that are not recorded before count as deliveries. They would count as attempts while
// retries wait in the worker, so each of them is recorded then.
func (q *Subscription) worthRecording(s stopped) bool {
	return len(s.Checkpoint) > 0 || q.countsStops() && s.deliveries >= q.deliveryLimit()/2 || q.countsAttempts()
}

// countsAttempts reports whether the delivery count of a message says how many attempts were made.
func (q *Subscription) countsAttempts() bool {
	return (q.holdsRetries() || q.holdCause() != nil) && !q.distributes() && q.config.WorkQueue(nil).CountsDeliveries()
}

// writeStops merges what c has left into the record.
func (q *Subscription) writeStops(ctx context.Context, c *amqp.Consumer, left []stopped) error {
	ctx, cancel := context.WithTimeout(ctx, stopsTimeout)
	defer cancel()
	q.stops.writing.Lock()
	defer q.stops.writing.Unlock()
	body, err := q.stops.merge(q, c, left)
	if err != nil {
		return err
	}
	if err := c.Err(); err != nil { // the next consumer may have written its record
		return err
	}
	if err := q.sendStops(ctx, body); err != nil {
		q.stops.unwritten(c)
		return err
	}
	return nil
}

// sendStops publishes the record. It declares the queue at the first use.
func (q *Subscription) sendStops(ctx context.Context, body []byte) error {
	name, sender := topology.StopsQueue(q.queueName()), q.worker.connections.sender
	m := &message.Message{Body: body, ContentType: "application/json", Timestamp: time.Now()}
	if err := sender.Send(ctx, "", name, m); !errors.Is(err, broker.ErrUnroutable) {
		return err
	}
	if _, err := sender.Ensure(ctx, topology.Stops(q.queueName())); err != nil {
		return err
	}
	return sender.Send(ctx, "", name, m)
}

// merge adds what c has left to the record, and returns it as JSON.
func (s *stops) merge(q *Subscription, c *amqp.Consumer, left []stopped) ([]byte, error) {
	if err := s.read(q, c); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of != c { // a later consumer has read the record meanwhile
		return nil, fmt.Errorf("worker: record a stop in %s: %w", topology.StopsQueue(q.queueName()), amqp.ErrStale)
	}
	seen := make(map[string]bool, len(left))
	for _, one := range left {
		if seen[one.Message] {
			s.share(one.Message)
			continue
		}
		seen[one.Message] = true
		if one.At.IsZero() { // no handler had begun it
			before := s.all[one.Message]
			before.Message = one.Message
			one = before.afterStop("", one.deliveries)
		}
		if q.worthRecording(one) || one.Stops > 1 {
			s.all[one.Message] = one
		}
	}
	s.done = false
	return json.Marshal(s.newest())
}

// share removes the checkpoint of an identity that two messages have, such as two with one ID: the
// checkpoint of one would skip the work of the other.
func (s *stops) share(identity string) {
	if one, ok := s.all[identity]; ok {
		one.Checkpoint = nil
		s.all[identity] = one
	}
}

// unwritten has the record written again, since the broker has not confirmed it.
func (s *stops) unwritten(c *amqp.Consumer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == c {
		s.done = true
	}
}

// outdated reports whether a message of the record was settled by c since the record was written.
func (s *stops) outdated(c *amqp.Consumer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done && s.of == c
}

// newest returns the record without messages that no consumer has seen for long.
func (s *stops) newest() []stopped {
	all := make([]stopped, 0, len(s.all))
	for _, one := range s.all {
		if time.Since(one.At) < maxStoppedAge {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b stopped) int { return b.At.Compare(a.At) })
	return all[:min(len(all), maxStopped)]
}

// watch has the checkpoints of the attempt recorded while its handler runs.
func (s *stops) watch(a *attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.ended { // a goroutine of the handler has outlived it
		return
	}
	if s.inHand == nil {
		s.inHand = make(map[*attempt]string)
	}
	s.inHand[a] = a.loaded()
}

// recordAgain records the checkpoints of messages in hand, if they have changed, until ctx is done.
func (q *Subscription) recordAgain(ctx context.Context) {
	ticker := time.NewTicker(recordInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			q.recordInHand(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (q *Subscription) recordInHand(ctx context.Context) {
	c, changed := q.stops.changed()
	if c == nil {
		return
	}
	if err := q.writeStops(ctx, c, changed); err != nil && ctx.Err() == nil && c.Err() == nil {
		q.worker.log.Warn("worker: checkpoints not recorded, trying again", "queue", q.config.Name, "error", err)
		q.stops.unrecorded(changed)
	}
}

// changed returns the messages in hand of one consumer whose checkpoints have changed since they
// were recorded. It returns a consumer without messages if the record has some that are settled.
func (s *stops) changed() (c *amqp.Consumer, all []stopped) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done && s.of.Err() == nil { // otherwise the next consumer has its own record
		c = s.of
	}
	for a, recorded := range s.inHand {
		value := a.saved()
		if value == recorded || value == "" || c != nil && c != a.tag.Consumer() || isClosed(a.tag.Lost()) {
			continue
		}
		one := a.stops
		one.Checkpoint, one.At, one.deliveries = json.RawMessage(value), time.Now().UTC(), a.Message.DeliveryCount
		s.inHand[a] = value
		if one = one.recordable(); len(one.Checkpoint) > 0 {
			c, all = a.tag.Consumer(), append(all, one)
		}
	}
	return c, all
}

// unrecorded has the checkpoints recorded at the next turn.
func (s *stops) unrecorded(all []stopped) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for a := range s.inHand {
		if slices.ContainsFunc(all, func(one stopped) bool { return one.Message == a.stops.Message }) {
			s.inHand[a] = ""
		}
	}
}
