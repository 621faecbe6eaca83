package job

import "github.com/warren-mq/warren/retry"

// Verdict decides what the worker does with a message.
type Verdict string

// Verdicts. The worker's verdicts have the same names.
const (
	Ack        Verdict = "ack"         // acknowledge the message
	Retry      Verdict = "retry"       // try again, according to the queue's retry policy
	DeadLetter Verdict = "dead-letter" // dead-letter the message without a retry
	Discard    Verdict = "discard"     // drop the message without a retry or a dead letter
)

func (v Verdict) known() bool {
	switch v {
	case Ack, Retry, DeadLetter, Discard:
		return true
	}
	return false
}

// of returns err as a handler must return it for v.
func (v Verdict) of(err error) error {
	switch v {
	case Ack:
		return nil
	case DeadLetter:
		return retry.Permanent(err)
	case Discard:
		return retry.Discard(err)
	case Retry:
	}
	return err
}
