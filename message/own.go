package message

// Headers of a message that a schedule published.
const (
	HeaderSchedule = "warren-schedule" // the entry's name
	HeaderTick     = "warren-tick"     // RFC 3339, in the entry's time zone
)

// HeaderPublish tells messages of one publisher apart that have the same exchange,
// routing key and message id while they are unconfirmed. It is removed on receipt.
const HeaderPublish = "warren-publish"

// HeaderCanary names the queue of the replay that sent the message ahead of others and
// waits for reports on its first attempt. Copies for a retry do not have it.
const HeaderCanary = "warren-canary"

// Headers of a message in a parking queue. They are removed when it is due.
const (
	HeaderDue           = "warren-due"            // when it is to leave: milliseconds since 1970, UTC
	HeaderDueExpiration = "warren-due-expiration" // the expiration that it is to have then
)

// IsOwn reports whether Warren writes the header by itself. Publishers drop such
// headers where a program passes them on: they would misroute the message, or count
// its attempts wrongly. Other headers that begin with "warren-" are the user's.
func IsOwn(header string) bool {
	switch header {
	case HeaderAttempt, HeaderRetryCount, HeaderQueue, HeaderExchange, HeaderRoutingKey,
		HeaderFirstFailedAt, HeaderLastFailedAt, HeaderReason, HeaderError, HeaderErrorType,
		HeaderFingerprint, HeaderStack, HeaderHandler, HeaderHost, HeaderVersion, HeaderHistory,
		HeaderTrace, HeaderExpiration, HeaderUserID,
		HeaderReplayedAt, HeaderReplayedBy, HeaderEditedFrom,
		HeaderSchedule, HeaderTick, HeaderPublish, HeaderCanary, HeaderDue, HeaderDueExpiration:
		return true
	}
	return false
}
