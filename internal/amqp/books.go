package amqp

import "time"

// overtaken is how long the oldest message may delay the release of the messages behind it.
const overtaken = time.Second

// books tracks the unconfirmed messages of a pipeline, oldest first. If a queue has lost
// its majority, the broker confirms its messages late or never, while it confirms others.
// Such a message is therefore set aside after a second. It is released when no caller waits
// for it any more and patience is over.
type books struct {
	line     *pipeline
	patience time.Duration // how long until a message that no caller waits for is released; negative means never
	aside    []*inFlight
	fatigue  fatigue
}

func newBooks(line *pipeline, patience time.Duration) *books {
	return &books{line: line, patience: patience, fatigue: newFatigue(line, patience)}
}

// keep releases messages as they are confirmed, whether or not a caller still waits for
// them.
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

// settle waits for the confirm of the oldest message. It sets the message aside when
// overtaken is over.
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
		<-b.line.done // watch looks for the refused message among those in flight
	}
	f.release()
	b.fatigue.confirmed(f)
}

// review checks the messages that were set aside.
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

// close releases the remaining messages after the channel has ended. amqp091 then ends
// every wait for a confirm.
func (b *books) close() {
	b.line.sendMu.Lock() // a goroutine that writes from now on gets an error: the channel is closed
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
