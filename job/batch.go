package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/message"
)

// BatchHandler is a handler of batches that was created from configuration, for
// worker.Subscription.HandleBatch. It is safe for concurrent use.
type BatchHandler interface {
	handler.BatchHandler
	// Close ends what is kept between batches: see Handler.
	io.Closer
}

// The output about a batch is limited to outputBase and outputEach for each of its messages, in bytes.
const (
	outputBase = 64 << 10
	outputEach = 2 << 10
)

// member is a message of a batch.
type member struct {
	*message.Message

	trace []field
}

// batches is a BatchHandler that calls a function.
type batches struct {
	handle func(ctx context.Context, members []member) error
	io.Closer
}

// Decode returns the message, with its trace.
func (batches) Decode(ctx context.Context, m *message.Message) (any, error) {
	return member{m, traceContext(ctx, m)}, nil
}

// HandleBatch calls the function with what Decode has returned.
func (b batches) HandleBatch(ctx context.Context, items []any) error {
	members := make([]member, 0, len(items))
	for _, item := range items {
		members = append(members, item.(member)) //nolint:errcheck,forcetypeassert // Decode has returned it
	}
	return b.handle(ctx, members)
}

// numbered is a message of a batch as JSON.
type numbered struct {
	Item int `json:"item"` // the index, from 0
	properties
}

func numberAll(members []member) []numbered {
	all := make([]numbered, 0, len(members))
	for i, m := range members {
		all = append(all, numbered{i, propertiesOf(m.Message, m.trace)})
	}
	return all
}

// validateBatch adds the faults of settings that need a single message.
func validateBatch(f *check.Faults, emits *Emits, replies *Replies, checkpoints bool) {
	f.Addf(emits != nil, "Emits is set, want none for batches: each emitted message belongs to one handled message")
	f.Addf(replies != nil, "Replies is set, want none for batches: each reply belongs to one call")
	f.Addf(checkpoints, "Checkpoints is set, want none for batches: each checkpoint belongs to one message")
}

// BatchHandler returns a handler of batches, or an error if e is not valid, or if Emits, Replies or
// Checkpoints is set. The package's documentation describes what the command reads and writes.
func (e Exec) BatchHandler() (BatchHandler, error) {
	f := check.Of("job")
	validateBatch(f, e.Emits, e.Replies, e.Checkpoints)
	if err := errors.Join(e.Validate(), f.Err()); err != nil {
		return nil, err
	}
	e = e.withDefaults()
	if e.Persistent {
		p := newPool(e)
		return batches{p.handleBatch, p}, nil
	}
	return batches{e.runBatch, nothing{}}, nil
}

// runBatch runs the command for a batch.
func (e Exec) runBatch(ctx context.Context, members []member) error {
	var stdin bytes.Buffer
	for _, one := range numberAll(members) {
		if err := encodeLine(&stdin, one); err != nil {
			return err
		}
	}
	env := []string{"WARREN_QUEUE=" + members[0].Queue, "WARREN_BATCH_SIZE=" + strconv.Itoa(len(members))}
	for _, f := range traceContext(ctx, new(message.Message)) {
		env = append(env, variableName(f.name)+"="+f.value)
	}
	output, err := e.execute(ctx, execution{
		messageID: members[0].ID, env: env, stdin: &stdin, limit: outputBase + outputEach*len(members),
	})
	if err != nil {
		return err
	}
	failed := newFailures(len(members), e.Command[0])
	if err := failed.addLines(output); err != nil {
		return fmt.Errorf("job: %s: read the failed items on stdout: %w", e.Command[0], err)
	}
	return failed.err()
}

// handleBatch sends a batch to a process.
func (p *pool) handleBatch(ctx context.Context, members []member) error {
	a, _, err := p.answer(ctx, p.exec.aboutAll(members))
	switch {
	case err != nil:
		return err
	case a.Failed != nil:
		return a.failures.err()
	}
	return a.outcome(p.exec.Command[0])
}

// aboutAll returns the question for a batch.
func (e Exec) aboutAll(members []member) question {
	return question{
		messageID: members[0].ID, several: len(members) > 1, limit: e.MaxAnswerBytes + outputEach*len(members),
		line: func(id uint64) ([]byte, error) {
			var line bytes.Buffer
			err := encodeLine(&line, struct {
				ID       uint64     `json:"id"`
				Messages []numbered `json:"messages"`
			}{id, numberAll(members)})
			return line.Bytes(), err
		},
		read: func(line []byte, id uint64) (answer, error) {
			return parseBatchAnswer(line, id, newFailures(len(members), e.Command[0]))
		},
	}
}

// parseBatchAnswer reads and checks the answer about a batch.
func parseBatchAnswer(line []byte, id uint64, failed *failures) (answer, error) {
	a, err := decodeAnswer(line, id)
	if err != nil {
		return a, err
	}
	if isNull(a.Failed) && (a.OK || a.Error != "") {
		a.Failed = nil // an encoder may write a field that is not set as null
	}
	switch {
	case a.Emit != nil || a.Reply != nil || a.Reason != "":
		return a, errors.New(`"emit", "reply" or "reason" is set, want none in the answer to a batch`)
	case count(a.OK, a.Error != "", a.Failed != nil) != 1:
		return a, errors.New(`want one of "ok":true, an "error" with a text, and "failed" with a list`)
	}
	if err := a.check(maxRetryAfter); err != nil {
		return a, err
	}
	if a.Failed != nil {
		a.failures, err = failed, failed.addList(a.Failed)
	}
	return a, err
}

// failures are the messages of a batch that a program or a server has named.
type failures struct {
	size    int           // of the batch
	program string        // for the errors
	longest time.Duration // pause
	redact  func(string) string
	errs    handler.BatchError
}

func newFailures(size int, program string) *failures {
	return &failures{size: size, program: program, longest: maxRetryAfter, redact: func(s string) string { return s }, errs: make(handler.BatchError)}
}

// err returns the failures as the error of a handler.
func (f *failures) err() error {
	if len(f.errs) == 0 {
		return nil
	}
	return f.errs
}

// add adds a message by its JSON object. An item that was added before is an error, which bounds the map
// by the size of the batch.
func (f *failures) add(text []byte) error {
	var v struct {
		Item *int `json:"item"`
		report
	}
	if err := decodeStrictly(text, &v); err != nil {
		return err
	}
	switch {
	case v.Item == nil:
		return fmt.Errorf(`"item" is missing, want 0 to %d`, f.size-1)
	case *v.Item < 0 || *v.Item >= f.size:
		return fmt.Errorf(`"item" is %d, want 0 to %d`, *v.Item, f.size-1)
	case f.errs[*v.Item] != nil:
		return fmt.Errorf(`"item" is %d a second time, want each once`, *v.Item)
	case v.Error == "":
		return errors.New(`"error" is missing, want a text`)
	}
	if err := v.check(f.longest); err != nil {
		return err
	}
	f.errs[*v.Item] = v.mark(&ReportedError{Command: f.program, Text: cleanHead([]byte(f.redact(v.Error)), maxText)})
	return nil
}

// decodeStrictly decodes one JSON value without unknown fields: a misspelt name must not be lost.
func decodeStrictly(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the JSON is not complete")
		}
		return err
	}
	if !atEnd(dec) {
		return errors.New("more than one JSON value, want one")
	}
	return nil
}

// addLines adds the messages on the lines of output. Empty lines are ignored.
func (f *failures) addLines(output *head) error {
	if output.over {
		return fmt.Errorf("more than %d bytes, want fewer", output.limit)
	}
	n := 0
	for line := range bytes.Lines(output.kept) {
		if n++; len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := f.add(line); err != nil {
			return fmt.Errorf("line %d, %q, does not name a failed item: %w", n, cleanHead(line, 100), err)
		}
	}
	return nil
}

// isNull reports whether a JSON value is null, as Go and other languages encode an empty list.
func isNull(value json.RawMessage) bool { return string(value) == "null" }

// addList adds the messages of a JSON list, one after the other. Null is an empty list.
func (f *failures) addList(list json.RawMessage) error {
	if isNull(list) {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(list))
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return fmt.Errorf(`"failed" is %q, want a list`, cleanHead(list, 100))
	}
	for n := 1; dec.More(); n++ {
		var one json.RawMessage
		if err := dec.Decode(&one); err != nil {
			return fmt.Errorf(`"failed": %w`, err)
		}
		if err := f.add(one); err != nil {
			return fmt.Errorf(`"failed": number %d, %q, does not name a failed item: %w`, n, cleanHead(one, 100), err)
		}
	}
	return nil
}

// addResponse adds the messages of a response, which may be empty.
func (f *failures) addResponse(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	var v struct {
		Failed json.RawMessage `json:"failed"`
	}
	if err := decodeStrictly(body, &v); err != nil {
		return fmt.Errorf(`%q is neither empty nor an object with "failed": %w`, cleanHead(body, 100), err)
	}
	if v.Failed == nil {
		return errors.New(`"failed" is missing, want a list of the failed items, or an empty response`)
	}
	return f.addList(v.Failed)
}
