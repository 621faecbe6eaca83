package devbroker

import (
	"slices"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// options are what the arguments of a queue mean.
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
}

// Types of queues, and what becomes of messages beyond their limits.
const (
	classic = "classic"
	quorum  = "quorum"

	dropHead         = "drop-head"
	rejectPublish    = "reject-publish"
	rejectPublishDLX = "reject-publish-dlx"
)

// parseOptions reads the arguments of a queue, or says what is wrong with them.
func (g generation) parseOptions(s queueSettings, vhost string) (options, error) {
	a := arguments{table: s.args, subject: "queue '" + s.name + "' in vhost '" + vhost + "'"}
	o := options{
		kind:            a.oneOf("x-queue-type", classic, quorum, "stream"),
		ttl:             time.Duration(a.number("x-message-ttl", -1, 0, maxMilliseconds)) * time.Millisecond,
		expires:         time.Duration(a.number("x-expires", 0, 1, maxMilliseconds)) * time.Millisecond,
		maxLength:       a.number("x-max-length", -1, 0, noMaximum),
		maxBytes:        a.number("x-max-length-bytes", -1, 0, noMaximum),
		overflow:        a.oneOf("x-overflow", dropHead, rejectPublish, rejectPublishDLX),
		maxPriority:     int(a.number("x-max-priority", 0, 0, 255)),
		singleActive:    a.flag("x-single-active-consumer"),
		deliveryLimit:   g.deliveryLimit(a.number("x-delivery-limit", int64(g.defaultLimit), minusInfinity, noMaximum)),
		consumerTimeout: time.Duration(a.number("x-consumer-timeout", 0, 0, noMaximum)) * time.Millisecond,
	}
	o.deadLetterExchange, o.deadLetters = a.text("x-dead-letter-exchange")
	if key, ok := a.text("x-dead-letter-routing-key"); ok {
		o.deadLetterKey = &key
		a.require("x-dead-letter-routing-key", "x-dead-letter-exchange")
	}
	o.atLeastOnce = a.oneOf("x-dead-letter-strategy", "at-most-once", "at-least-once") == "at-least-once" &&
		o.kind == quorum && o.overflow == rejectPublish
	a.checkKind(o.kind, s)
	return o, a.err
}

const (
	noMaximum     = 1<<62 - 1
	minusInfinity = -1 << 62
)

// deliveryLimit makes noLimit of what this version takes for none.
func (g generation) deliveryLimit(n int64) int {
	if n < 0 && g.minusOneIsZero && n != noLimit {
		return 0
	}
	if n < 0 {
		return noLimit
	}
	return int(n)
}

// levels is how many priorities the queue tells apart.
func (o options) levels(g generation) int {
	switch {
	case o.kind == classic:
		return o.maxPriority + 1
	case g.quorumPriorities == twoLevels:
		return 2
	case g.quorumPriorities == strict:
		return 32
	}
	return 1
}

// fair says whether lower priorities have their turn.
func (o options) fair(g generation) bool { return o.kind == quorum && g.quorumPriorities == twoLevels }

// level is the place of a message's priority among the levels.
func (o options) level(g generation, priority uint8) int {
	if o.fair(g) {
		if priority > 4 {
			return 1
		}
		return 0
	}
	return min(int(priority), o.levels(g)-1)
}

// onlyClassic and onlyQuorum are arguments that the other type of queue refuses.
var (
	onlyClassic = []string{"x-max-priority", "x-queue-mode", "x-queue-version", "x-queue-master-locator"}
	onlyQuorum  = []string{"x-delivery-limit", "x-quorum-initial-group-size", "x-quorum-target-group-size",
		"x-dead-letter-strategy", "x-max-in-memory-length", "x-max-in-memory-bytes",
		"x-delayed-retry-type", "x-delayed-retry-min", "x-delayed-retry-max"}
)

// checkKind refuses what a type of queue does not have.
func (a *arguments) checkKind(kind string, s queueSettings) {
	others, module := onlyQuorum, "rabbit_classic_queue"
	if kind == quorum {
		others, module = onlyClassic, "rabbit_quorum_queue"
	}
	for _, name := range others {
		if _, ok := a.table.Get(name); ok {
			a.fail("invalid arg '%s' for %s of queue type %s", name, a.subject, module)
		}
	}
	switch {
	case kind == "stream":
		a.failWith(refuse(notImplemented, "devbroker has no streams"))
	case kind == quorum && !s.durable:
		a.fail("invalid property 'non-durable' for %s", a.subject)
	case kind == quorum && s.autoDelete:
		a.fail("invalid property 'auto-delete' for %s", a.subject)
	case kind == quorum && s.exclusive:
		a.fail("invalid property 'exclusive-owner' for %s", a.subject)
	}
}

// comparedArguments are those in which two declarations of a queue must agree.
var comparedArguments = slices.Concat([]string{
	"x-expires", "x-message-ttl", "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-max-length",
	"x-max-length-bytes", "x-overflow", "x-single-active-consumer", "x-queue-type",
}, onlyClassic[:1], onlyQuorum)

// boolText is a boolean in RabbitMQ's texts.
func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// sameArguments refuses a declaration whose arguments differ from those that stand.
func sameArguments(subject string, current, wanted wire.Table, names []string) error {
	for _, name := range names {
		is, there := current.Get(name)
		want, wanted := wanted.Get(name)
		if there == wanted && (!there || sameValue(is, want)) || name == "x-queue-type" && isDefault(is) && isDefault(want) {
			continue
		}
		return inequivalent(name, subject, valueText(want, wanted), valueText(is, there))
	}
	return nil
}

// isDefault says whether a type of queue is what none means.
func isDefault(kind any) bool { return kind == nil || kind == classic }
