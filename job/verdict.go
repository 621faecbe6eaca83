package job

import "github.com/warren-mq/warren/retry"

// Verdict is what becomes of a message.
type Verdict string

// Verdicts, by the names that the worker's have too.
const (
	Ack        Verdict = "ack"         // done
	Retry      Verdict = "retry"       // again, as the queue's retry policy has it
	DeadLetter Verdict = "dead-letter" // given up at once
	Discard    Verdict = "discard"     // not wanted: neither tried again nor kept
)

func (v Verdict) known() bool {
	switch v {
	case Ack, Retry, DeadLetter, Discard:
		return true
	}
	return false
}

// of is err as a handler returns it for v.
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
