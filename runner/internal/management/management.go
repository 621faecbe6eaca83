// Package management reads the queues and bindings of a virtual host from RabbitMQ's
// management plugin, because AMQP cannot list them. It changes nothing.
package management

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

const (
	timeout   = 30 * time.Second // of one request
	maxAnswer = 32 << 20         // bytes of one answer
)

// Config configures a Client.
type Config struct {
	// URL is http://host:15672 or https://…, with or without a user.
	URL string
	// User is used if URL has no user.
	User *url.Userinfo
	// TLS is for https. Nil means the system's certificate authorities.
	TLS *tls.Config
}

// Client reads one virtual host. It is safe for concurrent use.
type Client struct {
	base  *url.URL // without a user, so that errors contain no password
	user  *url.Userinfo
	vhost string
	http  *http.Client
}

// New returns a client for the virtual host. Call Close at the end.
func New(c Config, vhost string) (*Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" {
		return nil, errors.New("runner: broker.management_url is not a URL") // without the cause, whose text may contain a password
	}
	user := cmp.Or(u.User, c.User)
	u.User, u.Path, u.RawPath = nil, strings.TrimRight(u.Path, "/"), ""
	transport := &http.Transport{TLSClientConfig: c.TLS, Proxy: http.ProxyFromEnvironment}
	return &Client{u, user, vhost, &http.Client{
		Transport: transport, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Queues returns the queues of the virtual host.
func (c *Client) Queues(ctx context.Context) ([]topology.Queue, error) {
	var found []struct {
		Name      string          `json:"name"`
		Arguments message.Headers `json:"arguments"`
	}
	if err := c.get(ctx, "/api/queues/"+url.PathEscape(c.vhost)+"?columns=name,arguments", &found); err != nil {
		return nil, err
	}
	queues := make([]topology.Queue, 0, len(found))
	for _, q := range found {
		queues = append(queues, topology.Queue{Name: q.Name, Arguments: arguments(q.Arguments)})
	}
	return queues, nil
}

// Bindings returns the bindings of a queue, except to the default exchange. If the queue
// does not exist, it returns none.
func (c *Client) Bindings(ctx context.Context, queue string) ([]topology.Binding, error) {
	var found []struct {
		Source    string          `json:"source"`
		Key       string          `json:"routing_key"`
		Arguments message.Headers `json:"arguments"`
	}
	path := "/api/queues/" + url.PathEscape(c.vhost) + "/" + url.PathEscape(queue) + "/bindings"
	if err := c.get(ctx, path, &found); err != nil && !errors.Is(err, errNotFound) {
		return nil, err
	}
	bindings := make([]topology.Binding, 0, len(found))
	for _, b := range found {
		if b.Source != "" {
			bindings = append(bindings, topology.Binding{Exchange: b.Source, Key: b.Key, Queue: queue, Arguments: arguments(b.Arguments)})
		}
	}
	return bindings, nil
}

var errNotFound = errors.New("runner: broker.management_url: 404: want the address of RabbitMQ's management plugin")

func (c *Client) get(ctx context.Context, path string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.String()+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("runner: broker.management_url: %w", err)
	}
	if c.user != nil {
		password, _ := c.user.Password()
		request.SetBasicAuth(c.user.Username(), password)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("runner: broker.management_url: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // the body was read
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("runner: broker.management_url: %w", err)
	case len(data) > maxAnswer:
		return fmt.Errorf("runner: broker.management_url: the answer is too large, want at most %d MiB", maxAnswer>>20)
	case response.StatusCode == http.StatusNotFound:
		return errNotFound
	case response.StatusCode == http.StatusUnauthorized, response.StatusCode == http.StatusForbidden:
		return fmt.Errorf("runner: broker.management_url: %s: want a user with the tag management or monitoring", response.Status)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("runner: broker.management_url: %s", response.Status)
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber()
	if err := decoder.Decode(answer); err != nil {
		return fmt.Errorf("runner: broker.management_url: %w: is this RabbitMQ's management plugin?", err)
	}
	return nil
}

// arguments converts numbers to the types that AMQP has.
func arguments(h message.Headers) message.Headers {
	for name, value := range h {
		number, ok := value.(json.Number)
		if !ok {
			continue
		}
		if n, err := number.Int64(); err == nil {
			h[name] = n
		} else if f, err := number.Float64(); err == nil {
			h[name] = f
		}
	}
	return h
}
