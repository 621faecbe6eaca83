package record

// Headers of the failure record, which every copy made by the framework carries.
// None begins with "x-": those names belong to the broker.
const (
	HeaderAttempt       = "warren-attempt"         // the attempt that failed last, 1-based
	HeaderRetryCount    = "warren-retry-count"     // retries made so far; decides the next attempt
	HeaderQueue         = "warren-queue"           // the work queue the failure happened on
	HeaderExchange      = "warren-exchange"        // the exchange of the first publish
	HeaderRoutingKey    = "warren-routing-key"     // the routing key of the first publish
	HeaderFirstFailedAt = "warren-first-failed-at" // RFC 3339, UTC
	HeaderLastFailedAt  = "warren-last-failed-at"  // RFC 3339, UTC
	HeaderReason        = "warren-reason"          // see the Reason constants of package message
	HeaderError         = "warren-error"           // the error's text, at most 2 KiB
	HeaderErrorType     = "warren-error-type"      // the error's Go type
	HeaderFingerprint   = "warren-fingerprint"     // same for failures of one kind
	HeaderStack         = "warren-stack"           // of a panic, at most 8 KiB
	HeaderHandler       = "warren-handler"         // the pattern of the handler that was called
	HeaderHost          = "warren-host"            // the machine the attempt ran on
	HeaderVersion       = "warren-version"         // Warren's version
	HeaderHistory       = "warren-history"         // JSON: the first and the latest nine attempts
	HeaderTrace         = "warren-trace"           // traceparent of the attempt that failed last
	HeaderExpiration    = "warren-expiration"      // the expiration that was removed from the copy
	HeaderUserID        = "warren-user-id"         // the user id that was removed from the copy
	HeaderCheckpoint    = "warren-checkpoint"      // JSON: what the handler saved; see package checkpoint
)

// Headers of a message that was brought back from the dead letters by hand. They stay
// with it for good, should it fail again.
const (
	HeaderReplayedAt = "warren-replayed-at" // RFC 3339, UTC: the latest replay
	HeaderReplayedBy = "warren-replayed-by" // who replayed it
	HeaderEditedFrom = "warren-edited-from" // the id of the message this one was edited from
)

// Headers of a message that a schedule published.
const (
	HeaderSchedule = "warren-schedule" // the entry's name
	HeaderTick     = "warren-tick"     // RFC 3339, in the entry's time zone
)

// HeaderPublish distinguishes unconfirmed messages of one publisher that have the same
// exchange, routing key and message id. It is removed on receipt.
const HeaderPublish = "warren-publish"

// HeaderCanary names the queue of a replay. The replay sent the message ahead of others and
// waits for reports on its first attempt. Copies for a retry do not have the header.
const HeaderCanary = "warren-canary"

// Headers of a message in a parking queue. They are removed when it is due.
const (
	HeaderDue           = "warren-due"            // RFC 3339, UTC: when it is to leave
	HeaderDueExpiration = "warren-due-expiration" // the expiration that it is to have then
	HeaderDueSent       = "warren-due-sent"       // RFC 3339, UTC: when it was published to the parking queue
	HeaderDueRefusals   = "warren-due-refusals"   // how often a queue of its exchange has refused it
)

// HeaderPublishedAt is the time in milliseconds since 1970 at which a message was published to
// an exchange or queue, by the clock of the publisher. AMQP's own timestamp has whole seconds.
const HeaderPublishedAt = "warren-published-at"

// HeaderDeadline is the time in milliseconds since 1970 at which the caller of a request stops
// waiting for the reply, by the caller's clock. Copies keep it.
const HeaderDeadline = "warren-deadline"

// IsOwn reports whether Warren writes the header itself. Publishers drop such headers if a
// program passes them on, because they would misroute the message, or count its attempts
// wrongly. Other headers that begin with "warren-" belong to the user.
func IsOwn(header string) bool {
	switch header {
	case HeaderAttempt, HeaderRetryCount, HeaderQueue, HeaderExchange, HeaderRoutingKey,
		HeaderFirstFailedAt, HeaderLastFailedAt, HeaderReason, HeaderError, HeaderErrorType,
		HeaderFingerprint, HeaderStack, HeaderHandler, HeaderHost, HeaderVersion, HeaderHistory,
		HeaderTrace, HeaderExpiration, HeaderUserID, HeaderCheckpoint,
		HeaderReplayedAt, HeaderReplayedBy, HeaderEditedFrom,
		HeaderSchedule, HeaderTick, HeaderPublish, HeaderPublishedAt, HeaderDeadline, HeaderCanary, HeaderDue, HeaderDueExpiration, HeaderDueSent, HeaderDueRefusals:
		return true
	}
	return false
}
