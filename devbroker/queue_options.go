package devbroker

import (
	"math"
	"strings"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// options holds the parsed arguments of a queue.
type options struct {
	kind               string        // classic or quorum
	ttl                time.Duration // negative for none
	expires            time.Duration // 0 for never
	maxLength          int64         // negative for none
	maxBytes           int64         // negative for none
	overflow           string
	maxPriority        int
	singleActive       bool
	deadLetters        bool
	deadLetterExchange string
	deadLetterKey      *string // nil keeps the message's own
	atLeastOnce        bool
	deliveryLimit      int // noLimit for none
	consumerTimeout    time.Duration
	pauses             retryPauses
}

// Queue types and overflow behaviours.
const (
	classic = "classic"
	quorum  = "quorum"

	dropHead         = "drop-head"
	rejectPublish    = "reject-publish"
	rejectPublishDLX = "reject-publish-dlx"
)

// parseOptions parses the arguments of a queue. It returns an error if they are invalid.
func (g generation) parseOptions(s queueSettings, vhost string) (options, error) {
	subject := "queue '" + s.name + "' in vhost '" + vhost + "'"
	kind, err := g.kindOf(s, subject)
	if err == nil {
		err = g.checkArguments(s.args, kind, subject)
	}
	if err != nil {
		return options{}, err
	}
	a := values{s.args}
	o := options{
		kind: kind, ttl: a.milliseconds("x-message-ttl", -1), expires: a.milliseconds("x-expires", 0),
		maxLength: a.number("x-max-length", -1), maxBytes: a.number("x-max-length-bytes", -1),
		overflow: a.text("x-overflow", dropHead), maxPriority: int(a.number("x-max-priority", 0)),
		deliveryLimit: g.deliveryLimit(s.args), consumerTimeout: a.milliseconds("x-consumer-timeout", 0),
		pauses: g.retryPauses(s.args),
	}
	single, _ := s.args.Get("x-single-active-consumer")
	o.singleActive = single == true
	o.deadLetterExchange = a.text("x-dead-letter-exchange", "")
	_, o.deadLetters = s.args.Get("x-dead-letter-exchange")
	if _, ok := s.args.Get("x-dead-letter-routing-key"); ok {
		key := a.text("x-dead-letter-routing-key", "")
		o.deadLetterKey = &key
	}
	if kind == quorum && o.overflow == rejectPublishDLX {
		o.overflow = dropHead
	}
	if value, ok := s.args.Get("x-max-priority"); ok && o.maxPriority == 0 && value != nil && g.zeroIsAllPriorities {
		o.maxPriority = 255
	}
	o.atLeastOnce = a.text("x-dead-letter-strategy", "") == "at-least-once" && o.overflow == rejectPublish
	return o, nil
}

// kindOf returns the type of a queue. It returns an error for settings that the type does
// not support.
func (g generation) kindOf(s queueSettings, subject string) (string, error) {
	value, ok := s.args.Get("x-queue-type")
	if !ok {
		return classic, nil
	}
	kind, ok := value.(string)
	switch {
	case !ok:
		return "", refuse(preconditionFailed, "invalid arg 'x-queue-type' for %s: %s", subject, unacceptable(value))
	case kind == "" && g.emptyTypeIsDefault:
		return classic, nil
	case kind == "stream":
		return "", refuse(notImplemented, "devbroker has no streams")
	case kind != classic && kind != quorum:
		return "", refuse(preconditionFailed, "invalid arg 'x-queue-type' for %s: \"unsupported queue type '%s'\"", subject, kind)
	case kind == quorum && s.autoDelete:
		return "", refuse(preconditionFailed, "invalid property 'auto-delete' for %s", subject)
	case kind == quorum && s.exclusive:
		return "", refuse(preconditionFailed, "invalid property 'exclusive-owner' for %s", subject)
	case kind == quorum && !s.durable:
		return "", refuse(preconditionFailed, "invalid property 'non-durable' for %s", subject)
	}
	return kind, nil
}

func (g generation) checkArguments(args wire.Table, kind, subject string) error {
	for _, a := range g.known() {
		value, ok := args.Get(a.name)
		switch {
		case !ok:
			continue
		case !strings.Contains(a.types, kind):
			return refuse(preconditionFailed, "invalid arg '%s' for %s of queue type rabbit_%s_queue", a.name, subject, kind)
		}
		if wrong := a.check(value); wrong != "" {
			return refuse(preconditionFailed, "invalid arg '%s' for %s: %s", a.name, subject, wrong)
		}
	}
	if err := namesExchange(args, "x-dead-letter-exchange", subject); err != nil {
		return err
	}
	_, key := args.Get("x-dead-letter-routing-key")
	if _, exchange := args.Get("x-dead-letter-exchange"); key && !exchange {
		return refuse(preconditionFailed, "invalid arg 'x-dead-letter-routing-key' for %s: routing_key_but_no_dlx_defined", subject)
	}
	return nil
}

// namesExchange returns an error if an argument that names an exchange is not a string.
func namesExchange(args wire.Table, name, subject string) error {
	value, ok := args.Get(name)
	if _, isText := value.(string); ok && !isText {
		return refuse(preconditionFailed, "invalid type '%s' for arg '%s' in %s", wire.TypeName(value), name, subject)
	}
	return nil
}

// deliveryLimit returns x-delivery-limit. A negative value means 0 in 3.x, and no limit in
// later versions.
func (g generation) deliveryLimit(args wire.Table) int {
	value, _ := args.Get("x-delivery-limit")
	n, ok := asInt(value)
	switch {
	case !ok:
		return g.defaultLimit
	case n < 0 && g.minusOneIsZero:
		return 0
	case n < 0:
		return noLimit
	}
	return int(n)
}

// values reads arguments that are already checked.
type values struct{ table wire.Table }

func (v values) number(name string, missing int64) int64 {
	value, _ := v.table.Get(name)
	if n, ok := asInt(value); ok {
		return n
	}
	return missing
}

// milliseconds returns the longest Duration, of 292 years, for a longer time.
func (v values) milliseconds(name string, missing int64) time.Duration {
	const longest = math.MaxInt64 / int64(time.Millisecond)
	return time.Duration(max(-longest, min(v.number(name, missing), longest))) * time.Millisecond
}

func (v values) text(name, missing string) string {
	value, _ := v.table.Get(name)
	if s, ok := value.(string); ok {
		return s
	}
	return missing
}
