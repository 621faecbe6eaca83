package record

// Types of the values of headers.
const (
	Text    = "text"
	Integer = "integer"
	Time    = "time" // a text in RFC 3339
)

// Header describes a header that Warren writes.
type Header struct {
	Name  string
	Type  string // Text, Integer or Time
	About string // a sentence without a full stop
}

// Contract returns all headers that IsOwn reports. docs/headers.md describes them at length.
func Contract() []Header {
	return []Header{
		{HeaderPublishedAt, Integer, "when the message was published, in milliseconds since 1970"},
		{HeaderDeadline, Integer, "until when the caller of a request waits for the reply, in milliseconds since 1970"},
		{HeaderPublish, Text, "tells messages in flight apart, between publisher and broker only"},
		{HeaderSchedule, Text, "the name of the schedule's entry"},
		{HeaderTick, Time, "the tick of the schedule, in the time zone of the entry"},
		{HeaderQueue, Text, "the work queue of the attempt that failed last"},
		{HeaderExchange, Text, "the exchange of the first publish"},
		{HeaderRoutingKey, Text, "the routing key of the first publish"},
		{HeaderRetryCount, Integer, "the retries made so far"},
		{HeaderAttempt, Integer, "the attempt that failed last, from 1"},
		{HeaderReason, Text, "why the attempt failed"},
		{HeaderError, Text, "the text of the error, at most 2 KiB"},
		{HeaderErrorType, Text, "the Go type of the error"},
		{HeaderFingerprint, Text, "equal for failures of one kind"},
		{HeaderStack, Text, "the stack of a panic, at most 8 KiB"},
		{HeaderHandler, Text, "the pattern of the handler"},
		{HeaderHost, Text, "the name of the machine of the attempt"},
		{HeaderVersion, Text, "the version of Warren there"},
		{HeaderFirstFailedAt, Time, "when the first attempt failed, in UTC"},
		{HeaderLastFailedAt, Time, "when the latest attempt failed, in UTC"},
		{HeaderHistory, Text, "the first and the latest nine attempts, as a JSON array"},
		{HeaderTrace, Text, "the traceparent of the attempt that failed last"},
		{HeaderExpiration, Text, "the expiration of the message, which a copy does not have"},
		{HeaderUserID, Text, "the user-id of the message, which a copy does not have"},
		{HeaderCheckpoint, Text, "what the handler has saved for the next attempt, as JSON"},
		{HeaderDue, Time, "when the message is due, in a parking queue only"},
		{HeaderDueSent, Time, "when the message was published to the parking queue"},
		{HeaderDueExpiration, Text, "the expiration that the message gets when it is due"},
		{HeaderDueRefusals, Integer, "how often a queue of its exchange has refused the message"},
		{HeaderReplayedAt, Time, "the latest replay, in UTC"},
		{HeaderReplayedBy, Text, "the user or program that replayed the message"},
		{HeaderEditedFrom, Text, "the ID of the dead letter from which the message was made"},
		{HeaderCanary, Text, "the queue of a replay that waits for a report on the first attempt"},
	}
}
