package inspect

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/topology"
)

// lockName returns the name of one of Warren's queues for an inspection, within AMQP's 255
// bytes.
func lockName(queue, end string) string {
	const prefix = "warren.inspect."
	if len(prefix)+len(queue)+len(end) > topology.MaxShortString {
		queue = fmt.Sprintf("%x", sha256.Sum256([]byte(queue)))
	}
	return prefix + queue + end
}

// lockPatience is how long an inspection waits for another one to end, or to let it in
// between: see Unlock.
const (
	lockPatience = 10 * time.Second
	lockPoll     = 50 * time.Millisecond
)

// Lock makes this the only inspection of the queue. Open has called it already; after
// Unlock it may be called again. If there is another inspection, Lock waits for it for at
// most 10 s, and then returns ErrInspected.
func (i *Inspection) Lock(ctx context.Context) error {
	for began := time.Now(); ; {
		err := i.tryLock(ctx)
		switch {
		case err == nil:
			i.locked = true
			i.sign(ctx)
			return nil
		case amqp.Code(err) != amqp091.ResourceLocked:
			return fmt.Errorf("broker: lock %s for an inspection: %w", i.queue, err)
		case time.Since(began) > lockPatience:
			return fmt.Errorf("%w: %s%s", ErrInspected, i.queue, i.holder(ctx))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %s: %w", ErrInspected, i.queue, context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}

func (i *Inspection) tryLock(ctx context.Context) error {
	return i.aside(ctx, func(ch *amqp091.Channel) error {
		_, err := ch.QueueDeclare(lockName(i.queue, ""), false, false, true, false, amqp091.Table{"x-queue-type": topology.Classic})
		return err
	})
}

// Unlock lets others inspect the queue until Lock is called. Requeue the messages that they
// should see first. Unlock deletes the lock before the connection ends, because the broker
// takes some time to handle the end of a connection. Otherwise the next inspection might
// find a lock without a holder.
func (i *Inspection) Unlock() error {
	i.locked = false
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	// Without the permission to write the note is not there.
	_ = i.aside(ctx, func(ch *amqp091.Channel) error {
		_, err := ch.QueueDelete(lockName(i.queue, noteEnd), false, false, false)
		return err
	})
	err := i.aside(ctx, func(ch *amqp091.Channel) error {
		_, err := ch.QueueDelete(lockName(i.queue, ""), false, false, false)
		return err
	})
	if err != nil {
		return fmt.Errorf("broker: end the inspection of %s: %w", i.queue, err)
	}
	return nil
}

// aside runs do with a channel of its own, which an error of the broker may close.
func (i *Inspection) aside(ctx context.Context, do func(*amqp091.Channel) error) error {
	ch, err := i.session.Channel(ctx)
	if err != nil {
		return err
	}
	if err := i.session.Call(ctx, func() error { return do(ch) }, ch.Close); err != nil {
		return err
	}
	return i.session.CloseChannel(ch)
}

// The lock is exclusive, so that others cannot read from it. A second queue beside it
// holds one message, which says who has the lock. It outlives a holder that is killed,
// until the next holder replaces it.
const (
	noteEnd  = ".by"
	noteLife = 24 * time.Hour
	maxNote  = 200
)

// sign publishes the note. The inspection does not need it, so errors are ignored: the user
// may lack the permission.
func (i *Inspection) sign(ctx context.Context) {
	note := lockName(i.queue, noteEnd)
	_ = i.aside(ctx, func(ch *amqp091.Channel) error {
		args := amqp091.Table{"x-queue-type": topology.Classic, "x-max-length": 1, "x-expires": noteLife.Milliseconds()}
		if _, err := ch.QueueDeclare(note, true, false, false, false, args); err != nil {
			return err
		}
		return ch.PublishWithContext(ctx, "", note, false, false, amqp091.Publishing{Timestamp: time.Now(), Body: []byte(thisProcess())})
	})
}

// holder returns who has the lock and since when, if there is a note.
func (i *Inspection) holder(ctx context.Context) string {
	note, who := lockName(i.queue, noteEnd), ", its holder left no note"
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	ch, err := i.session.Channel(ctx)
	if err != nil {
		return who
	}
	d, err := amqp.Ask(ctx, i.session, func() (amqp091.Delivery, error) {
		d, _, err := ch.Get(note, false)
		return d, err
	}, amqp.Closing[amqp091.Delivery](ch))
	if err != nil {
		return who
	}
	if len(d.Body) > 0 {
		who = fmt.Sprintf(", by %s since %s", oneLine(d.Body), d.Timestamp.UTC().Format(time.RFC3339))
	}
	_ = i.session.CloseChannel(ch) // requeues the note
	return who
}

// oneLine returns text from a message in a form that can be part of an error.
func oneLine(text []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, string(text[:min(len(text), maxNote)]))
}

// thisProcess returns the user, the host and the id of this process.
func thisProcess() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s@%s (process %d)", cmp.Or(os.Getenv("USER"), os.Getenv("USERNAME"), "someone"), host, os.Getpid())
}
