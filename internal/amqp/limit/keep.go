package limit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
)

// keep takes slots and gives them back until ctx is done or the channel ends.
func (k *keeper) keep(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return k.leaveAll()
		case <-k.session.Done():
			return k.session.Err()
		case e := <-k.closed:
			return k.lost(e)
		case tag, ok := <-k.cancelled:
			err = k.removed(tag, ok)
		case a := <-k.arrived:
			err = k.receive(a)
		case slot := <-k.passed:
			k.leaving[slot]--
		case <-k.pool.wake:
		case <-timer.C:
		}
		if err != nil {
			return err
		}
		now := time.Now()
		again, err := k.act(now)
		if err != nil {
			return err
		}
		timer.Reset(again.Sub(now))
	}
}

// lost returns why the channel has ended.
func (k *keeper) lost(e *amqp091.Error) error {
	if e == nil {
		return amqp.ErrClosed
	}
	return fmt.Errorf("channel of limit %q lost: %w", k.pool.spec.Name, e)
}

// removed ends the seat whose consumer the broker has cancelled, because its queue was deleted.
func (k *keeper) removed(tag string, ok bool) error {
	if !ok {
		return k.lost(<-k.closed)
	}
	return fmt.Errorf("consumer of %s cancelled by the broker", k.pool.spec.prefix()+tag)
}

// receive handles a message of a slot's queue. One message of each slot is kept
// unacknowledged, so that the broker delivers it to the next process.
func (k *keeper) receive(a arrival) error {
	s := a.seat
	switch {
	case k.seats[s.slot] == s:
	case s.term == nil || s.term.life.Err() != nil: // it may be the only message of the queue
		return k.passOn(s, a.DeliveryTag, s.term == nil && !a.Redelivered)
	default:
		return k.ch.Ack(a.DeliveryTag, false)
	}
	if s.token != 0 {
		if err := k.ch.Ack(s.token, false); err != nil {
			return err
		}
	}
	s.token = a.DeliveryTag
	if s.term == nil {
		k.begin(s, a.Redelivered)
	} else if a.Redelivered && !s.asked.IsZero() {
		s.term.lease.Reset(time.Until(s.asked.Add(k.lease)))
		s.renewed, s.asked = s.asked, time.Time{}
	}
	if !a.Redelivered && a.Type == typeWaiting && a.AppId != k.process {
		k.pool.want(s.term)
	}
	return nil
}

// begin begins the term of a slot. A message that was delivered before is not from a process
// that has given the slot back.
func (k *keeper) begin(s *seat, crashed bool) {
	usable := time.Now()
	if crashed {
		usable = usable.Add(max(settle, k.pool.spec.Rest))
	}
	s.term = k.pool.begin(s.slot, usable, k.lease)
}

// act gives back what is to be given back, renews the leases, and waits for as many slots as
// the handlers need. It returns when to do so again.
func (k *keeper) act(now time.Time) (time.Time, error) {
	for _, t := range k.pool.yield(now, false) {
		if err := k.giveBack(t); err != nil {
			return now, err
		}
	}
	missing, again := k.pool.demand(now)
	due, err := k.renew(now)
	if err != nil {
		return now, err
	}
	again = earlier(again, due)
	due, err = k.seek(now, missing)
	return earlier(again, due), err
}

// renew requeues the token of each slot that is held. The broker delivers it again to the
// active consumer, which proves that this process still holds the slot.
func (k *keeper) renew(now time.Time) (again time.Time, err error) {
	again = now.Add(time.Hour)
	for _, s := range k.seats {
		if s == nil || s.term == nil {
			continue
		}
		if s.term.life.Err() != nil {
			if err := k.abandon(s); err != nil {
				return now, err
			}
			continue
		}
		if !s.asked.IsZero() {
			continue
		}
		due := s.renewed.Add(k.lease / 3)
		if !due.After(now) && s.token != 0 {
			if err := k.ch.Nack(s.token, false, true); err != nil {
				return now, err
			}
			s.token, s.asked = 0, now
			continue
		}
		again = earlier(again, due)
		if now.Sub(s.announced) > renewMessage {
			k.say(s, now)
		}
	}
	return again, nil
}

// seek waits for as many slots as are missing: for a few ones first, and then for more, until
// a process that needs one slot waits for all of them.
func (k *keeper) seek(now time.Time, missing int) (again time.Time, err error) {
	again = now.Add(time.Hour)
	if missing == 0 {
		k.wanted = 0
		return again, k.leaveWaiting()
	}
	switch {
	case k.wanted == 0:
		k.wanted, k.wider = missing, now.Add(widen)
	case !k.wider.After(now):
		k.wanted, k.wider = min(2*max(k.wanted, missing), len(k.seats)), now.Add(widen)
	}
	waiting, away := 0, 0
	for slot, s := range k.seats {
		switch {
		case s == nil && k.leaving[slot] == 0:
			away++
		case s == nil:
		case s.term == nil:
			waiting++
			if now.Sub(s.announced) >= repeat {
				k.say(s, now)
			}
			again = earlier(again, s.announced.Add(repeat))
		}
	}
	for ; away > 0 && waiting < max(k.wanted, missing); waiting, away = waiting+1, away-1 {
		if err := k.join(now); err != nil {
			return now, err
		}
		again = earlier(again, now.Add(repeat))
	}
	if away > 0 {
		again = earlier(again, k.wider)
	}
	return again, nil
}

// join waits for the next slot that this process neither holds nor waits for. A slot that it passes
// on is left to others until they have been told.
func (k *keeper) join(now time.Time) error {
	for k.seats[k.next] != nil || k.leaving[k.next] > 0 {
		k.next = (k.next + 1) % len(k.seats)
	}
	s := &seat{slot: k.next}
	s.tag = strconv.Itoa(s.slot)
	queue := k.pool.spec.Queue(s.slot)
	deliveries, err := ask(k, func() (<-chan amqp091.Delivery, error) {
		return k.ch.Consume(queue, s.tag, false, false, false, false, nil)
	})
	if err != nil {
		return fmt.Errorf("wait for a slot in %s: %w", queue, err)
	}
	k.seats[s.slot] = s
	k.next = (k.next + 1) % len(k.seats)
	k.running.Go(func() {
		for d := range deliveries {
			select {
			case k.arrived <- arrival{s, d}:
			case <-k.done:
			}
		}
	})
	k.say(s, now)
	return nil
}

// leave cancels the consumer of a seat. The next process is then the active consumer.
func (k *keeper) leave(s *seat) error {
	_, err := ask(k, func() (struct{}, error) { return struct{}{}, k.ch.Cancel(s.tag, false) })
	k.seats[s.slot] = nil
	return err
}

// abandon leaves a slot that was lost, as a crash does.
func (k *keeper) abandon(s *seat) error {
	k.report(k.pool.spec.Name, context.Cause(s.term.life))
	if err := k.leave(s); err != nil {
		return err
	}
	return k.passOn(s, s.token, false)
}

// leaveWaiting leaves the slots that this process waits for and does not need any more.
func (k *keeper) leaveWaiting() error {
	for _, s := range k.seats {
		if s != nil && s.term == nil {
			if err := k.leave(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// leaveAll gives back all slots that no handler uses.
func (k *keeper) leaveAll() error {
	err := k.leaveWaiting()
	for _, t := range k.pool.yield(time.Now(), true) {
		err = errors.Join(err, k.giveBack(t))
	}
	return errors.Join(err, amqp.ErrClosed)
}

// giveBack makes the next process the active consumer and tells it that the slot is free. If
// that cannot be published, the token is requeued, as by a crash.
func (k *keeper) giveBack(t *Term) error {
	s := k.seats[t.slot]
	if err := k.leave(s); err != nil {
		return err
	}
	return k.passOn(s, s.token, true)
}

// passOn leaves a message to the next process in place of the delivery, unless it is 0. If the
// slot is free, it is a new message, since a requeued one is marked as redelivered. The keeper does
// not wait for its confirm, because the leases of other slots would end.
func (k *keeper) passOn(s *seat, delivery uint64, free bool) error {
	if !free {
		return k.replace(delivery, false)
	}
	k.leaving[s.slot]++
	k.passing.Go(func() {
		defer func() {
			select {
			case k.passed <- s.slot:
			case <-k.done:
			}
		}()
		freed := k.publish(s.slot, typeFree, leaveTimeout) == nil
		_ = k.replace(delivery, freed) // an error ends the channel, which keep notices
	})
	return nil
}

// replace settles the delivery of a slot that this process has left.
func (k *keeper) replace(delivery uint64, freed bool) error {
	switch {
	case delivery == 0: // renew has requeued it
		return nil
	case freed:
		return k.ch.Ack(delivery, false)
	}
	return k.ch.Nack(delivery, false, true)
}

// say publishes that this process waits for the slot, or that it holds the slot if it does.
func (k *keeper) say(s *seat, now time.Time) {
	s.announced = now
	select {
	case k.announces <- s.slot:
	default: // the broker takes no messages at present
	}
}

// announce publishes what say has noted.
func (k *keeper) announce() {
	for {
		select {
		case slot := <-k.announces:
			_ = k.publish(slot, typeWaiting, askTimeout) // it is repeated
		case <-k.done:
			return
		}
	}
}

// publish publishes to the queue of a slot over the publishing connection, because a broker
// that is short of memory stops to read from connections that publish.
func (k *keeper) publish(slot int, kind string, limit time.Duration) error {
	s, err := k.sender.Connector().Current()
	switch {
	case s == nil:
		return err
	case s.Blocked() != "":
		return fmt.Errorf("limit: publish: the broker has blocked the connection: %s", s.Blocked())
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return k.sender.Send(ctx, "", k.pool.spec.Queue(slot), &message.Message{Type: kind, AppID: k.process})
}

// ask makes a call to the broker, with a limit.
func ask[T any](k *keeper, call func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	return amqp.Ask(ctx, k.session, call, amqp.Closing[T](k.ch))
}
