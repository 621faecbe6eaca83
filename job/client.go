package job

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/warren-mq/warren/message"
)

// maxResponse is the highest number of bytes that are read of a response.
const maxResponse = 16 << 10

// client is the handler of a Webhook.
type client struct {
	Webhook
	http *http.Client
	late error // the cause of a context whose Timeout is over
}

func newClient(w Webhook) (*client, error) {
	transport, err := w.transport()
	if err != nil {
		return nil, err
	}
	c := &client{Webhook: w, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, late: fmt.Errorf("no response within %v: %w", w.Timeout, context.DeadlineExceeded)}
	if err := c.unlock(make(http.Header), "", nil); err != nil { // report unreadable files when the handler is created
		return nil, fmt.Errorf("job: webhook: %w", err)
	}
	return c, nil
}

// respond posts m.
func (c *client) respond(ctx context.Context, m *message.Message) (*message.Message, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, c.late)
	defer cancel()
	req, err := c.request(ctx, m)
	if err != nil {
		return nil, c.failure(err, nil)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.failure(err, req.Header)
	}
	defer func() { _ = resp.Body.Close() }()
	switch ok := resp.StatusCode/100 == 2; {
	case ok && c.Emits != nil:
		return nil, c.emit(ctx, resp)
	case ok && c.Replies != nil && m.ReplyTo != "":
		reply, err := c.Replies.read(resp)
		if err != nil {
			return nil, fmt.Errorf("job: POST %s: reply with the response: %w", c.place(), err)
		}
		return reply, nil
	}
	// Read the body to its end, so that the connection can be reused. Ignore a read error,
	// because the status decides about the message.
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if resp.StatusCode/100 == 2 {
		return nil, nil //nolint:nilnil // no reply, and nothing wrong
	}
	return nil, c.statusError(ctx, resp, body)
}

// emit emits the messages of a response.
func (c *client) emit(ctx context.Context, resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(c.Emits.maxBytes())+1))
	if err != nil {
		return c.failure(err, resp.Request.Header)
	}
	all, err := c.Emits.parseResponse(body)
	if err != nil {
		err = c.redactError(err, resp.Request.Header)
	} else {
		err = c.Emits.emit(ctx, all)
	}
	if err != nil {
		return fmt.Errorf("job: POST %s: emit the response: %w", c.place(), err)
	}
	return nil
}

// Close closes the idle connections.
func (c *client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

func (c *client) request(ctx context.Context, m *message.Message) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(m.Body))
	if err != nil {
		return nil, err
	}
	id := cmp.Or(headerValue(m.ID), rand.Text()) // signatures and events need an id
	req.Header.Set("User-Agent", "warren")
	describe(ctx, req.Header, m)
	if c.Checkpoints {
		if last := saved(ctx); last != nil {
			req.Header.Set(checkpointHeader, headerValue(inASCII(last)))
		}
	}
	if c.CloudEvents {
		c.describeEvent(req.Header, id, m)
	}
	return req, c.unlock(req.Header, id, m.Body)
}

// unlock sets the headers that contain secrets, with the current values of the secrets.
func (c *client) unlock(h http.Header, id string, body []byte) error {
	for _, own := range c.Headers {
		value, err := own.Value.Reveal()
		if err == nil {
			err = checkHeaderValue(value)
		}
		if err != nil {
			return fmt.Errorf("header %s: %w", own.Name, err)
		}
		h.Set(own.Name, value)
	}
	return c.sign(h, id, time.Now(), body)
}

// failure returns the error of a request without a response. It unwraps the error of
// net/http, because that contains the whole URL. Its cause may contain the first line of an answer
// that is not HTTP.
func (c *client) failure(err error, sent http.Header) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return fmt.Errorf("job: POST %s: %w", c.place(), c.redactError(err, sent))
}

func (c *client) statusError(ctx context.Context, resp *http.Response, body []byte) error {
	redact := c.redact
	if len(body) == maxResponse {
		redact = c.redactEnd
	}
	e := &StatusError{
		Status: resp.StatusCode, Place: c.place(), after: -1,
		Body: cleanTail([]byte(redact(string(body), resp.Request.Header)), maxText, false),
	}
	if d, ok := parseRetryAfter(resp.Header.Get("Retry-After"), time.Now(), c.MaxRetryAfter); ok {
		e.after = d
	}
	var err error = e
	if c.Replies != nil {
		err = because(e, c.redact(resp.Header.Get("Warren-Reason"), resp.Request.Header))
	}
	if c.Checkpoints {
		if bad := keepHeader(ctx, resp.Header); bad != nil {
			return fmt.Errorf("%w; %w", err, c.redactError(bad, resp.Request.Header))
		}
	}
	return err
}

// StatusError is a response with a status other than 2xx. Its methods Permanent and
// RetryAfter are used by package retry.
type StatusError struct {
	Status int    // the status code of the response
	Place  string // scheme and host of the URL
	Body   string // the end of the response, on one line, 1 KiB at most

	after time.Duration // the pause in Retry-After; negative if there is none
}

// Error returns the place, the status, and the end of the response.
func (e *StatusError) Error() string {
	s := strings.TrimSpace(fmt.Sprintf("job: POST %s: %d %s", e.Place, e.Status, http.StatusText(e.Status)))
	if e.Body == "" {
		return s
	}
	return s + ": " + e.Body
}

// Permanent reports whether the message is dead-lettered instead of tried again.
func (e *StatusError) Permanent() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return e.Status/100 != 5
}

// RetryAfter returns the pause that the server asks for. It is negative if the server
// asks for none.
func (e *StatusError) RetryAfter() time.Duration { return e.after }
