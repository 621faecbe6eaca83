// Package job provides handlers that are configured instead of written in Go: Exec runs a
// command for each message, Webhook posts to a URL, Log writes a log line, and Forward
// publishes to another exchange.
//
// Each is a struct of plain data with defaults for its zero fields. Validate returns all
// faults in one error, and Handler returns the handler:
//
//	h, err := job.Exec{Command: []string{"./send-welcome"}}.Handler()
//	…
//	defer h.Close()
//	queue.Handle("user.signed_up", h)
//
// The output of a failed command, or the response of a server, is written to errors, logs
// and the failure record. So it is shortened and converted to plain text first: valid
// UTF-8 on one line, without control characters. Secrets are removed.
//
// # Persistent processes
//
// An Exec with Persistent starts a process once and sends it one message after the other.
// For each message, the process reads a line of JSON from its stdin, shown here on
// several lines:
//
//	{"id":1,"message_id":"…","attempt":1,"queue":"…","exchange":"…","routing_key":"…",
//	 "content_type":"…","content_encoding":"…","type":"…","correlation_id":"…",
//	 "reply_to":"…","app_id":"…","timestamp":"2026-01-02T03:04:05Z","priority":0,
//	 "redelivered":false,"trace":{"traceparent":"…"},"headers":{"x-tenant":"blue"},
//	 "body":"…"}
//
// The id counts the messages of the process. A body that is not UTF-8 is in
// "body_base64" instead of "body". The fields from "content_type" to "timestamp",
// "trace" and "headers" are omitted if they are empty. Later versions may add fields:
// ignore unknown ones.
//
// The process answers with a line on its stdout, which it must flush. The line has the
// same id and is one of these:
//
//	{"id":1,"ok":true}                                      acknowledged
//	{"id":1,"error":"mailbox is full"}                      tried again
//	{"id":1,"error":"mailbox is full","retry_after":"30s"}  tried again after the pause
//	{"id":1,"error":"no such user","permanent":true}        dead-lettered
//	{"id":1,"error":"has unsubscribed","discard":true}      discarded
//
// With Emits, an answer with "ok" may have messages to emit:
//
//	{"id":1,"ok":true,"emit":[{"key":"order.paid","body":{"number":7}}]}
//
// With Replies, an answer with "ok" may have the reply of a call, any JSON value, and an answer with
// "error" the reason for the caller:
//
//	{"id":1,"ok":true,"reply":{"cents":350}}
//	{"id":1,"error":"no such article","permanent":true,"reason":"not_found"}
//
// With Checkpoints, the request has the last checkpoint of the message, if there is one, and lines
// before the answer may save one, or say which part of the work is done:
//
//	{"id":1,…,"checkpoint":{"row":7000}}
//	{"id":1,"checkpoint":{"row":8000},"progress":0.4}
//
// The process gets SIGTERM when the worker begins to stop. If it then ends, or answers so that the
// message would be tried again, the message is released with its checkpoint, and no
// attempt is spent.
//
// "retry_after" is text: a duration such as 1m30s, whole seconds, or an HTTP date. The
// longest pause is a day. Every other answer is invalid: one with an unknown field, other
// output between the answers, or a line longer than MaxAnswerBytes. After an invalid
// answer, or if the process ends before it answers, the message is tried again and the
// process is replaced. The process may end at any other time, and should end when its
// stdin ends.
//
// After such failures, the start of the next process and its message wait for Backoff.
//
// # Batches
//
// The method BatchHandler of Exec and Webhook returns a handler of batches, for HandleBatch of package
// worker. Each message of a batch is an object as above, with "item", its index from 0, instead of
// "id":
//
//	{"item":0,"message_id":"…","attempt":1,…,"body":"…"}
//
// A program or server names the items that failed. The other ones are acknowledged. Each failed one is
// an object with "item" and "error", and one of the other fields of an answer if need be. It keeps its own
// attempts:
//
//	{"item":0,"error":"mailbox is full"}                      tried again
//	{"item":3,"error":"mailbox is full","retry_after":"30s"}  tried again after the pause
//	{"item":4,"error":"no such user","permanent":true}        dead-lettered
//	{"item":7,"error":"has unsubscribed","discard":true}      discarded
//
// A command reads a line for each message from stdin, and writes a line for each failed item to stdout.
// The lines count if its exit status acknowledges. Its environment has WARREN_QUEUE, WARREN_BATCH_SIZE
// and the trace of the batch, and no other properties.
//
// A persistent process reads one line for a batch. Its answer has the failed items in a list, or is about
// the whole batch. An empty list, or null, means that none failed:
//
//	{"id":1,"messages":[{"item":0,…},{"item":1,…}]}
//	{"id":1,"failed":[{"item":1,"error":"mailbox is full"}]}
//	{"id":1,"ok":true}
//	{"id":1,"error":"the database is down"}
//
// A webhook posts the list of the messages as application/json, with the headers Warren-Queue,
// Warren-Batch-Size and the trace of the batch. A response to a 2xx is empty, or an object with the failed
// items, again in a list that may be empty or null. The webhook-id of a signature is random.
//
//	{"failed":[{"item":1,"error":"mailbox is full"}]}
//
// After every other exit status, "error", response or output it is unknown which messages failed. Then
// the batch is handled again in parts, until each message has a result of its own. So a message that is
// dead-lettered was handled alone, or named. "retry_after", retry-after or Retry-After about a whole batch
// postpones all of its messages instead. A process that ends during a batch of several messages is
// replaced without Backoff, since parts of the batch follow.
//
// An item that is named twice or does not exist is an error, and so is other output, an unknown field, or
// output beyond 64 KiB (MaxAnswerBytes for persistent processes) and 2 KiB more for each message.
//
// Emits, Replies, Checkpoints and CloudEvents need a single message, so they are refused.
package job
