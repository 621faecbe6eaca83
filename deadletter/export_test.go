package deadletter

import "github.com/warren-mq/warren/message"

// Decode is decode.
func Decode(dlq string, m message.Message) DeadLetter { return decode(dlq, m) }

// Matches is matches.
func Matches(pattern, key string) bool { return matches(pattern, key) }

// Marshal is marshal.
func Marshal(l *DeadLetter) ([]byte, error) { return marshal(l) }

// Unmarshal is unmarshal.
func Unmarshal(data []byte) (dlq string, m *message.Message, err error) { return unmarshal(data) }

// Restored is restored.
func Restored(dlq string, m *message.Message) *message.Message { return restored(dlq, m) }
