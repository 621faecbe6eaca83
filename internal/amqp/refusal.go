package amqp

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// refusal describes a message that the broker refused by closing the channel. The broker's
// error has no delivery tag. The message is found by the text of the error, which is the
// same on RabbitMQ 3.10 to 4.3. The broker accepted the messages before it, though their
// confirms may be lost with the channel. It did not accept the messages behind it.
type refusal struct {
	why   *amqp091.Error // nil if the channel ended for another reason
	known bool           // whether the refused message was identified
	alone *inFlight      // the message, if it can be no other one
}

// among looks for the refused message among the messages in flight.
func (r refusal) among(all map[identity]*inFlight) refusal {
	if r.why == nil {
		return r
	}
	named := 0
	for _, f := range all {
		if r.names(f) || len(all) == 1 {
			named++
			r.known, r.alone = true, f
		}
	}
	if named > 1 {
		r.alone = nil
	}
	return r
}

// of reports whether f is a message that the broker refused, or would refuse for the
// same reason.
func (r refusal) of(f *inFlight) bool { return r.alone == f || r.names(f) }

// mayBeQueued reports whether the broker may have accepted f although of(f) is true: another
// message was refused if the exchange was deleted, or a permission withdrawn, between the two.
func (r refusal) mayBeQueued(f *inFlight) bool {
	return r.alone != f && r.why.Code != amqp091.PreconditionFailed
}

// names reports whether the text is about f.
func (r refusal) names(f *inFlight) bool {
	exchange, text := cmp.Or(f.id.exchange, "amq.default"), r.why.Reason
	switch r.why.Code {
	case amqp091.NotFound:
		return strings.Contains(text, "no exchange '"+exchange+"' in vhost")
	case amqp091.AccessRefused:
		if strings.Contains(text, " topic '") {
			return strings.Contains(text, " topic '"+f.id.key+"' in exchange '"+exchange+"' in vhost")
		}
		return strings.Contains(text, " exchange '"+exchange+"' in vhost")
	case amqp091.PreconditionFailed:
		limit := r.maxBody()
		return limit > 0 && int64(f.size) > limit ||
			f.userID != "" && strings.Contains(text, "user_id property set to '"+f.userID+"'") ||
			f.expiration != "" && strings.Contains(text, "invalid expiration '"+f.expiration+"'")
	}
	return false
}

var tooLarge = regexp.MustCompile(`message size \d+ is larger than configured max size (\d+)`)

// maxBody returns the largest body that the broker accepts, or 0 if the text does not
// contain it.
func (r refusal) maxBody() int64 {
	if r.why == nil || r.why.Code != amqp091.PreconditionFailed {
		return 0
	}
	m := tooLarge.FindStringSubmatch(r.why.Reason)
	if m == nil {
		return 0
	}
	limit, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0
	}
	return limit
}

// RefusalError returns the error for a message because of which the broker closed the
// channel.
func RefusalError(why *amqp091.Error) error { return refusal{why: why}.errorOf() }

// errorOf returns the error for the refused message.
func (r refusal) errorOf() error {
	kind := ErrRefused
	switch {
	case r.why.Code == amqp091.NotFound:
		kind = ErrUnroutable
	case r.maxBody() > 0:
		kind = ErrTooLarge
	case r.why.Code == amqp091.PreconditionFailed && !strings.Contains(r.why.Reason, "user_id property"):
		kind = ErrMalformed
	}
	return fmt.Errorf("%w: %w", kind, r.why)
}
