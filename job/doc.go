// Package job makes handlers that need no Go: Exec runs a command for each message,
// Webhook calls a URL, Log writes a line, and Forward publishes to another exchange.
//
// Each is a struct of plain data whose zero fields mean something. Validate reports
// everything that is wrong with it at once, and Handler makes the handler:
//
//	h, err := job.Exec{Command: []string{"./send-welcome"}}.Handler()
//	…
//	defer h.Close()
//	queue.Handle("user.signed_up", h)
//
// What a command or a server says about its failure ends in errors, logs and the
// failure record, so it is cut to a size and made plain text first: valid UTF-8 on one
// line, without control characters. Secrets never get there.
//
// # Persistent processes
//
// An Exec with Persistent starts a process once and gives it one message after the
// other. For each, the process reads a line of JSON on its stdin, shown here on several:
//
//	{"id":1,"message_id":"…","attempt":1,"queue":"…","exchange":"…","routing_key":"…",
//	 "content_type":"…","content_encoding":"…","type":"…","correlation_id":"…",
//	 "reply_to":"…","app_id":"…","timestamp":"2026-01-02T03:04:05Z","priority":0,
//	 "redelivered":false,"trace":{"traceparent":"…"},"headers":{"x-tenant":"blue"},
//	 "body":"…"}
//
// The id counts the messages of the process. A body that is not UTF-8 is in
// "body_base64" instead of "body". From "content_type" to "timestamp", and "trace" and
// "headers", what is empty is left out. More fields may be added: ignore what you do not know.
//
// It answers with a line on its stdout, which must be flushed, with the same id, as one
// of these:
//
//	{"id":1,"ok":true}                                      done
//	{"id":1,"error":"mailbox is full"}                      tried again
//	{"id":1,"error":"mailbox is full","retry_after":"30s"}  tried again after the pause
//	{"id":1,"error":"no such user","permanent":true}        a dead letter
//	{"id":1,"error":"has unsubscribed","discard":true}      neither
//
// "retry_after" is text: a duration such as 1m30s, whole seconds, or an HTTP date; a
// day at most. Everything else is nonsense, be it an unknown field, other output
// between the answers, or a line of more than MaxAnswerBytes: the message is tried
// again and the process is replaced. So it is when it ends before it answers; it may end
// at any other time, and at the end of its stdin it should.
//
// After such failures the next start waits for Backoff, and the messages with it.
package job
