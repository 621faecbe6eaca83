package management

import (
	"context"
	"encoding/json"
	"net/url"
)

// Members are the nodes that hold a replica of a queue.
type Members struct {
	Queue string
	Nodes []string // empty for a classic queue
}

// Members returns the members of each queue of the virtual host.
func (c *Client) Members(ctx context.Context) ([]Members, error) {
	var found []struct {
		Name    string   `json:"name"`
		Members []string `json:"members"`
	}
	if err := c.get(ctx, "/api/queues/"+url.PathEscape(c.vhost)+"?columns=name,members", &found); err != nil {
		return nil, err
	}
	all := make([]Members, 0, len(found))
	for _, q := range found {
		all = append(all, Members{Queue: q.Name, Nodes: q.Members})
	}
	return all, nil
}

// Replicas are the nodes that hold a replica of a quorum queue or stream.
type Replicas struct {
	Leader  string   `json:"leader"`
	Members []string `json:"members"` // empty for a classic queue
	Online  []string `json:"online"`
}

// Replicas returns the replicas of a queue.
func (c *Client) Replicas(ctx context.Context, queue string) (r Replicas, err error) {
	path := "/api/queues/" + url.PathEscape(c.vhost) + "/" + url.PathEscape(queue)
	return r, c.get(ctx, path+"?columns=leader,members,online", &r)
}

// Nodes returns the names of the cluster's nodes, including nodes that are down. The user
// needs the tag monitoring.
func (c *Client) Nodes(ctx context.Context) ([]string, error) {
	var found []struct {
		Name string `json:"name"`
	}
	if err := c.get(ctx, "/api/nodes?columns=name", &found); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(found))
	for _, n := range found {
		names = append(names, n.Name)
	}
	return names, nil
}

// Policies are the policies that apply to a queue.
type Policies struct {
	Queue          string
	Policy         string // empty if none applies
	OperatorPolicy string
	// Effective are the settings of both.
	Effective map[string]any
}

// Policies returns the policies of each queue of the virtual host.
func (c *Client) Policies(ctx context.Context) ([]Policies, error) {
	var found []struct {
		Name      string          `json:"name"`
		Policy    string          `json:"policy"`
		Operator  string          `json:"operator_policy"`
		Effective json.RawMessage `json:"effective_policy_definition"`
	}
	columns := "name,policy,operator_policy,effective_policy_definition"
	if err := c.get(ctx, "/api/queues/"+url.PathEscape(c.vhost)+"?columns="+columns, &found); err != nil {
		return nil, err
	}
	all := make([]Policies, 0, len(found))
	for _, q := range found {
		p := Policies{Queue: q.Name, Policy: q.Policy, OperatorPolicy: q.Operator}
		_ = json.Unmarshal(q.Effective, &p.Effective) // an empty list if there are none
		all = append(all, p)
	}
	return all, nil
}
