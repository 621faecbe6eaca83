package amqp

import "time"

// overtaken is how long the oldest message may keep those behind it on the books.
const overtaken = time.Second

// books are the unconfirmed messages of a pipeline, oldest first. A message whose queue
// has lost its majority is confirmed late or never, while others go on: it is put aside
// soon, and given up when nobody waits for it any more.
type books struct {
	line     *pipeline
	patience time.Duration // until a message that nobody waits for is given up; never if negative
	aside    []*inFlight
	fatigue  fatigue
}

func newBooks(line *pipeline, patience time.Duration) *books {
	return &books{line: line, patience: patience, fatigue: newFatigue(line, patience)}
}

// keep takes messages off the books as they are confirmed, whether or not anyone
// still waits for them.
func (b *books) keep() {
	for {
		var review <-chan time.Time
		if len(b.aside) > 0 {
			review = time.After(overtaken)
		}
		select {
		case f := <-b.line.sent:
			b.settle(f)
		case <-review:
			b.review()
		case <-b.line.done:
			b.close()
			return
		}
	}
}

// settle waits for the confirm of the oldest message, but not for long.
func (b *books) settle(f *inFlight) {
	select {
	case <-f.confirm.Done():
		b.confirmed(f)
		return
	default:
	}
	timer := time.NewTimer(time.Until(f.sentAt.Add(overtaken)))
	defer timer.Stop()
	select {
	case <-f.confirm.Done():
		b.confirmed(f)
	case <-timer.C:
		b.aside = append(b.aside, f)
	}
}

func (b *books) confirmed(f *inFlight) {
	if !f.confirm.Acked() && b.line.ch.IsClosed() {
		<-b.line.done // the message that was refused is looked for among those in flight
	}
	f.release()
	b.fatigue.confirmed(f)
}

// review looks at those put aside.
func (b *books) review() {
	waiting := b.aside[:0]
	blocked := b.line.session.Blocked() != ""
	for _, f := range b.aside {
		select {
		case <-f.confirm.Done():
			b.confirmed(f)
			continue
		default:
		}
		if b.patience >= 0 && time.Since(f.sentAt) > b.patience && f.given.Load() && !blocked {
			f.release()
			continue
		}
		waiting = append(waiting, f)
	}
	clear(b.aside[len(waiting):])
	b.aside = waiting
	b.fatigue.review(b.aside, blocked)
}

// close settles what is left when the channel is gone: amqp091 then ends every wait.
func (b *books) close() {
	b.line.sendMu.Lock() // who writes now has been told that the channel is closed
	left := len(b.line.sent)
	b.line.sendMu.Unlock()
	for range left {
		b.aside = append(b.aside, <-b.line.sent)
	}
	for _, f := range b.aside {
		<-f.confirm.Done()
		f.release()
	}
}
