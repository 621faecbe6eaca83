package job

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/message"
)

// BatchHandler returns a handler of batches. It returns an error if w is not valid, if a file
// cannot be read, or if CloudEvents, Emits, Replies or Checkpoints is set. The package's documentation
// describes the request and the response.
func (w Webhook) BatchHandler() (BatchHandler, error) {
	f := check.Of("job")
	validateBatch(f, w.Emits, w.Replies, w.Checkpoints)
	f.Addf(w.CloudEvents, "CloudEvents is set, want none for batches: its headers belong to one message")
	if err := errors.Join(w.Validate(), f.Err()); err != nil {
		return nil, err
	}
	c, err := newClient(w.withDefaults())
	if err != nil {
		return nil, err
	}
	return batches{c.handleBatch, c}, nil
}

// handleBatch posts a batch.
func (c *client) handleBatch(ctx context.Context, members []member) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, c.late)
	defer cancel()
	req, err := c.batchRequest(ctx, members)
	if err != nil {
		return c.failure(err, nil)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.failure(err, req.Header)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxResponse)) // the status decides
		return c.statusError(ctx, resp, body)
	}
	limit := outputBase + outputEach*len(members)
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if err != nil {
		return c.failure(err, req.Header)
	}
	failed := newFailures(len(members), "POST "+c.place())
	failed.longest = c.MaxRetryAfter
	failed.redact = func(s string) string { return c.redact(s, req.Header) }
	if len(body) > limit {
		err = fmt.Errorf("more than %d bytes, want fewer", limit)
	} else {
		err = failed.addResponse(body)
	}
	if err != nil {
		return fmt.Errorf("job: POST %s: read the failed items of the response: %w", c.place(), c.redactError(err, req.Header))
	}
	return failed.err()
}

// batchRequest returns the request for a batch, with an id of its own: the same messages may come
// again in another batch.
func (c *client) batchRequest(ctx context.Context, members []member) (*http.Request, error) {
	var body bytes.Buffer
	if err := encodeLine(&body, numberAll(members)); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body.Bytes()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "warren")
	req.Header.Set("Content-Type", jsonType)
	req.Header.Set("Warren-Queue", headerValue(members[0].Queue))
	req.Header.Set("Warren-Batch-Size", strconv.Itoa(len(members)))
	for _, f := range traceContext(ctx, new(message.Message)) {
		req.Header.Set(f.name, headerValue(f.value))
	}
	return req, c.unlock(req.Header, rand.Text(), body.Bytes())
}
