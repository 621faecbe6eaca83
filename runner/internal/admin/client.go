package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/warren-mq/warren/runner/internal/engine"
	"github.com/warren-mq/warren/schedule"
)

// Client sends requests to a running runner. It is safe for concurrent use.
type Client struct {
	Address string // host:port
	Token   string
}

// ErrNotRunning is returned if there is no answer at the address.
var ErrNotRunning = errors.New("runner: no runner answers")

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 16 << 20

// Status returns the state of the runner.
func (c Client) Status(ctx context.Context) (s engine.Status, err error) {
	return s, c.call(ctx, http.MethodGet, "/api/status", nil, &s)
}

// Schedules returns the state of the schedules.
func (c Client) Schedules(ctx context.Context) (s schedule.State, err error) {
	return s, c.call(ctx, http.MethodGet, "/api/schedules", nil, &s)
}

// Config returns the current configuration, as YAML without secrets.
func (c Client) Config(ctx context.Context) (text []byte, err error) {
	return text, c.call(ctx, http.MethodGet, "/api/config", nil, &text)
}

// Pause stops consuming a queue until Resume.
func (c Client) Pause(ctx context.Context, queue string) (s engine.Status, err error) {
	return s, c.call(ctx, http.MethodPost, "/api/queues/"+url.PathEscape(queue)+"/pause", nil, &s)
}

// Resume starts consuming a queue again.
func (c Client) Resume(ctx context.Context, queue string) (s engine.Status, err error) {
	return s, c.call(ctx, http.MethodPost, "/api/queues/"+url.PathEscape(queue)+"/resume", nil, &s)
}

// Scale sets how many messages of a queue are handled at the same time.
func (c Client) Scale(ctx context.Context, queue string, concurrency int) (s engine.Status, err error) {
	return s, c.call(ctx, http.MethodPost, "/api/queues/"+url.PathEscape(queue)+"/scale", Scaling{concurrency}, &s)
}

func (c Client) call(ctx context.Context, method, path string, body, answer any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.Address+path, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("runner: admin address %q: %w", c.Address, err)
	}
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport, CheckRedirect: noRedirect}).Do(request)
	if err != nil {
		return fmt.Errorf("%w at %s: %w", ErrNotRunning, c.Address, err)
	}
	defer func() { _ = response.Body.Close() }() // the body was read
	return decode(response, answer)
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// decode reads an answer, or the error in it.
func decode(r *http.Response, answer any) error {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("runner: admin API: %w", err)
	}
	if r.StatusCode != http.StatusOK {
		var f failure
		if json.Unmarshal(data, &f) != nil || f.Error == "" {
			return fmt.Errorf("runner: admin API: %s", r.Status)
		}
		return errors.New(f.Error)
	}
	if text, ok := answer.(*[]byte); ok {
		*text = data
		return nil
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("runner: admin API: %w: is this a runner's address?", err)
	}
	return nil
}
