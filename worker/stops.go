package worker

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// A single active consumer that stops leaves its messages to the end of its channel, which keeps
// their order and counts as a delivery of each. A copy with the checkpoint would go to the end of
// the queue. So the consumer records both in the queue <queue>.stops before it closes its channel,
// and the next one reads the record when it receives a message that was delivered before.
// docs/decisions/0023 has the measurements.

// stops is the record of the consumer of a queue. The zero value is empty.
type stops struct {
	mu   sync.Mutex
	of   *amqp.Consumer // that has read the record
	all  map[string]stopped
	err  error                        // the error if the user may not read the record
	done bool                         // the record in the queue has a message that is settled
	not  unread                       // the last failure to read the record
	left map[*amqp.Consumer][]stopped // by handlers, when they were told to stop

	held   map[amqp.Tag]stopped // messages that wait in the worker for their next attempt
	inHand map[*attempt]string  // whose handlers use checkpoints, and the last one that was recorded

	reading sync.Mutex // one goroutine reads the record, and the others wait for its result
	writing sync.Mutex // one record after the other
}

// unread is a failure to read the record. The messages of the consumer are not delayed by further attempts
// for a while.
type unread struct {
	of    *amqp.Consumer
	err   error
	until time.Time
}

// stopped is what is recorded of a message that was left in the queue.
type stopped struct {
	Message    string          `json:"message"` // see identity
	Stops      int             `json:"stops"`   // how often a stop has cost it a delivery
	Checkpoint json.RawMessage `json:"checkpoint,omitempty"`
	At         time.Time       `json:"at"` // of the last stop

	deliveries int // the broker's count, before the stop
}

const (
	stopsTimeout = 3 * time.Second // to read or to write the record; shorter than abandonTimeout
	// unreadPause is the time between two attempts to read a record that cannot be read.
	unreadPause = 30 * time.Second
	// maxStopped and maxStoppedAge bound the record: messages that were purged or have expired stay
	// in it.
	maxStopped    = 1000
	maxStoppedAge = 30 * 24 * time.Hour
)

// byBody begins the identity of a message without an ID.
const byBody = "body:"

// recordable returns s without its checkpoint if that cannot be recorded: another message with an equal
// body would find the checkpoint of a message without an ID, and text that is not JSON would spoil the
// record of all messages.
func (s stopped) recordable() stopped {
	if strings.HasPrefix(s.Message, byBody) || !json.Valid(s.Checkpoint) {
		s.Checkpoint = nil
	}
	return s
}

// afterStop returns s with one more stop and, if there is one, the new checkpoint.
func (s stopped) afterStop(checkpoint string, deliveries int) stopped {
	s.Stops++
	s.At, s.deliveries = time.Now().UTC(), deliveries
	if checkpoint != "" {
		s.Checkpoint = json.RawMessage(checkpoint)
	}
	return s
}

// messageIdentity returns the same text for a message in all processes, and another one for a copy of it with
// another record or checkpoint.
func messageIdentity(m *message.Message) string {
	h := sha256.New()
	retries, _ := m.Headers.Int(record.HeaderRetryCount)
	_, _ = fmt.Fprintf(h, "%q %q %q %d %q %q\n", m.ID, m.Exchange, m.RoutingKey, retries,
		m.Headers.String(record.HeaderCheckpoint), m.Headers.String(record.HeaderReplayedAt))
	prefix := ""
	if m.ID == "" {
		prefix = byBody
		_, _ = h.Write(m.Body)
	}
	return prefix + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// recordsStops reports whether a stop leaves messages to the end of the channel, in a queue that the next
// consumer finds again.
func (q *Subscription) recordsStops() bool {
	return q.config.SingleActive && !q.isStream() && !q.config.PerProcess
}

// loadRecord loads the record of the attempt's message.
func (q *Subscription) loadRecord(a *attempt) {
	if !q.recordsStops() {
		return
	}
	a.recording = &q.stops
	var held bool
	if a.stops, held = q.stops.unhold(a.tag); held {
		return
	}
	a.stops.Message = messageIdentity(&a.Message)
	if a.Message.Redelivered {
		a.stops, a.stopsErr = q.stops.find(q, a.tag.Consumer(), a.stops.Message)
	}
}

// recorded returns what is recorded of a message.
func (q *Subscription) recorded(tag amqp.Tag, m *message.Message) stopped {
	s := stopped{Message: messageIdentity(m)}
	if m.Redelivered {
		s, _ = q.stops.find(q, tag.Consumer(), s.Message)
	}
	return s
}

// find returns what is recorded of a message that c has received. If the record cannot be read, the
// message has none.
func (s *stops) find(q *Subscription, c *amqp.Consumer, identity string) (stopped, error) {
	err := s.read(q, c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if one, ok := s.back(c, identity); ok {
		return one, nil
	}
	if one, ok := s.all[identity]; ok && s.of == c {
		return one, nil
	}
	return stopped{Message: identity}, err
}

// read reads the record, unless that was done for c. The consumer before c has written it before it
// closed its channel, and so before c received a message.
func (s *stops) read(q *Subscription, c *amqp.Consumer) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	if known, err := s.known(c); known {
		return err
	}
	all, err := q.readStops()
	if err != nil {
		q.worker.log.Warn("worker: record of the last stop not read", "queue", q.config.Name, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && (!amqp.IsAbsent(err) || errors.Is(err, broker.ErrNotConnected)) {
		s.not = unread{of: c, err: err, until: time.Now().Add(unreadPause)}
		return err
	}
	s.of, s.all, s.err, s.done, s.not = c, make(map[string]stopped, len(all)), err, false, unread{}
	for _, one := range all {
		s.all[one.Message] = one
	}
	return err
}

// known reports whether the record was read for c, or could not be read shortly before, and the error of that.
func (s *stops) known(c *amqp.Consumer) (known bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.not.of == c && time.Now().Before(s.not.until) {
		return true, s.not.err
	}
	return s.of == c, s.err
}

// readStops reads the record over a connection of its own. If the members of a quorum queue have no majority,
// the broker answers a read late and closes the connection, which must not disturb other queues.
func (q *Subscription) readStops() (all []stopped, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.inHand), stopsTimeout)
	defer cancel()
	var body []byte
	var ok bool
	name := topology.StopsQueue(q.queueName())
	err = q.worker.connections.consuming.Apart(ctx, func(session *amqp.Session) error {
		body, ok, err = session.ReadLast(ctx, name)
		return err
	})
	if err != nil || !ok {
		return nil, err
	}
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("worker: read the record in %s: %w", name, err)
	}
	return all, nil
}

// leave notes a message that its handler has left to the end of the channel. If the channel is lost, the
// record of its consumer is written already, or will not be.
func (s *stops) leave(tag amqp.Tag, one stopped) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if isClosed(tag.Lost()) {
		return
	}
	if s.left == nil {
		s.left = make(map[*amqp.Consumer][]stopped)
	}
	s.left[tag.Consumer()] = append(s.left[tag.Consumer()], one.recordable())
}

// back returns what leave has noted of a message that c has received again, and forgets it: a message
// that waited in the worker for long was requeued before it was due.
func (s *stops) back(c *amqp.Consumer, identity string) (one stopped, ok bool) {
	i := slices.IndexFunc(s.left[c], func(one stopped) bool { return one.Message == identity })
	if i < 0 {
		return one, false
	}
	one = s.left[c][i]
	s.left[c] = slices.Delete(s.left[c], i, i+1)
	return one, true
}

// end ends the attempt. If the message is settled, it removes the message from the record.
func (s *stops) end(a *attempt, settled bool) {
	if a.stops.Message == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.ended = true
	delete(s.inHand, a)
	if _, recorded := s.all[a.stops.Message]; recorded && settled && s.of == a.tag.Consumer() {
		delete(s.all, a.stops.Message)
		s.done = true
	}
}

// hold keeps what is known of a message that waits in the worker. The copy that is handled next has
// another record than the message in the queue, and so another identity.
func (s *stops) hold(a *attempt) {
	if a.stops.Message == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.held = make(map[amqp.Tag]stopped)
	}
	one := a.stops
	one.Checkpoint, one.deliveries = json.RawMessage(a.saved()), a.Message.DeliveryCount
	s.held[a.tag] = one
}

// leaveHeld notes that a message that has waited in the worker is requeued at a stop.
func (s *stops) leaveHeld(tag amqp.Tag) {
	if one, held := s.unhold(tag); held {
		s.leave(tag, one.afterStop("", one.deliveries))
	}
}

// unhold returns what is known of a message that has waited in the worker, and forgets it.
func (s *stops) unhold(tag amqp.Tag) (one stopped, held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, held = s.held[tag]
	delete(s.held, tag)
	return one, held
}
