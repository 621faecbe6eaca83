package amqp

import "time"

// overtaken is how long the oldest message may delay the release of the messages behind it.
const overtaken = time.Second

// confirms tracks the unconfirmed messages of a pipeline, oldest first. If a queue has lost
// its majority, the broker confirms its messages late or never, while it confirms others.
// Such a message is therefore set aside after a second. It is released when no caller waits
// for it any more and patience is over.
type confirms struct {
	line     *pipeline
	patience time.Duration // how long until a message that no caller waits for is released; negative means never
	aside    []*inFlight
	fatigue  fatigue
}

func newConfirms(line *pipeline, patience time.Duration) *confirms {
	return &confirms{line: line, patience: patience, fatigue: newFatigue(line, patience)}
}

// track releases messages as they are confirmed, whether or not a caller still waits for
// them.
func (c *confirms) track() {
	for {
		var review <-chan time.Time
		if len(c.aside) > 0 {
			review = time.After(overtaken)
		}
		select {
		case f := <-c.line.sent:
			c.settle(f)
		case <-review:
			c.review()
		case <-c.line.done:
			c.close()
			return
		}
	}
}

// settle waits for the confirm of the oldest message. It sets the message aside when
// overtaken is over.
func (c *confirms) settle(f *inFlight) {
	select {
	case <-f.confirm.Done():
		c.confirmed(f)
		return
	default:
	}
	timer := time.NewTimer(time.Until(f.sentAt.Add(overtaken)))
	defer timer.Stop()
	select {
	case <-f.confirm.Done():
		c.confirmed(f)
	case <-timer.C:
		c.aside = append(c.aside, f)
	}
}

func (c *confirms) confirmed(f *inFlight) {
	if !f.confirm.Acked() && c.line.ch.IsClosed() {
		<-c.line.done // watch looks for the refused message among those in flight
	}
	f.release()
	c.fatigue.confirmed(f)
}

// review checks the messages that were set aside.
func (c *confirms) review() {
	waiting := c.aside[:0]
	blocked := c.line.session.Blocked() != ""
	for _, f := range c.aside {
		select {
		case <-f.confirm.Done():
			c.confirmed(f)
			continue
		default:
		}
		if c.patience >= 0 && time.Since(f.sentAt) > c.patience && f.given.Load() && !blocked {
			f.release()
			continue
		}
		waiting = append(waiting, f)
	}
	clear(c.aside[len(waiting):])
	c.aside = waiting
	c.fatigue.review(c.aside, blocked)
}

// close releases the remaining messages after the channel has ended. amqp091 then ends
// every wait for a confirm.
func (c *confirms) close() {
	c.line.sendMu.Lock() // a goroutine that writes from now on gets an error: the channel is closed
	left := len(c.line.sent)
	c.line.sendMu.Unlock()
	for range left {
		c.aside = append(c.aside, <-c.line.sent)
	}
	for _, f := range c.aside {
		<-f.confirm.Done()
		f.release()
	}
}
