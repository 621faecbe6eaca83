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
	"strings"
	"time"

	"github.com/warren-mq/warren/console"
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

// Note is a note on dead letters, about a group or a message. Without a text it is removed.
type Note struct {
	Group string `json:"group,omitempty"`
	ID    string `json:"id,omitempty"`
	Text  string `json:"text"`
}

// Notes returns the notes at a path of the console.
func (c Client) Notes(ctx context.Context, path string) ([]console.Note, error) {
	var page struct {
		Notes []console.Note `json:"notes"`
	}
	err := c.call(ctx, http.MethodGet, path, nil, &page)
	return page.Notes, err
}

// Note writes a note at a path of the console, and returns what was done.
func (c Client) Note(ctx context.Context, path string, note Note) (done string, err error) {
	var outcome struct {
		Text string `json:"text"`
	}
	err = c.call(ctx, http.MethodPost, path, note, &outcome)
	return outcome.Text, err
}

// Live returns an error unless a runner answers at the address.
func (c Client) Live(ctx context.Context) error {
	_, _, err := c.probe(ctx, "/livez")
	return err
}

// Ready returns an error unless the runner is ready. The error has the reasons if the runner
// shows them to this client.
func (c Client) Ready(ctx context.Context) error {
	status, reasons, err := c.probe(ctx, "/readyz")
	if err == nil && status != "ready" {
		err = fmt.Errorf("runner: the runner at %s is %s", c.Address, strings.Join(append([]string{status}, reasons...), ": "))
	}
	return err
}

// probe requests a probe, whose status is 200 or 503.
func (c Client) probe(ctx context.Context, path string) (status string, reasons []string, err error) {
	response, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = response.Body.Close() }() // the body was read
	var answer struct {
		Status  string   `json:"status"`
		Reasons []string `json:"reasons"`
	}
	err = json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&answer)
	if err != nil || answer.Status == "" {
		return "", nil, fmt.Errorf("runner: %s%s answered %s without a status: is this a runner's address?", c.Address, path, response.Status)
	}
	return answer.Status, answer.Reasons, nil
}

func (c Client) call(ctx context.Context, method, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	response, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // the body was read
	return decode(response, answer)
}

// do sends a request.
func (c Client) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("runner: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.Address+path, bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("runner: admin address %q: %w", c.Address, err)
	}
	request.Header.Set("Content-Type", "application/json")
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport, CheckRedirect: noRedirect}).Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w at %s: %w", ErrNotRunning, c.Address, err)
	}
	return response, nil
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
