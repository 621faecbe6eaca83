package topology

import (
	"encoding/json"
	"fmt"

	"github.com/warren-mq/warren/message"
)

// Definitions returns t as RabbitMQ's definitions.json, for rabbitmqctl import_definitions
// or the management API, with the policies of Protection and the permissions of the users. Every
// part is in the virtual host. Queues of one connection and their bindings are left out.
func (t Topology) Definitions(vhost string, users ...User) ([]byte, error) {
	d := definitions{Exchanges: []exchangeDefinition{}, Queues: []queueDefinition{}, Bindings: []bindingDefinition{}}
	for _, u := range users {
		if u.New {
			d.Users = append(d.Users, userDefinition{Name: u.Name, Tags: []string{}})
		}
		d.Permissions = append(d.Permissions, permissionDefinition{User: u.Name, VHost: vhost, Permissions: u.Permissions})
	}
	for _, p := range t.durable().Protection() {
		d.Policies = append(d.Policies, policyDefinition{VHost: vhost, Name: p.Name, Pattern: p.Pattern, ApplyTo: "queues", Definition: p.Definition, Priority: p.Priority})
	}
	for _, x := range t.Exchanges {
		d.Exchanges = append(d.Exchanges, exchangeDefinition{Name: x.Name, VHost: vhost, Type: x.Kind, Durable: true, Arguments: arguments(x.Arguments)})
	}
	for _, q := range t.durable().Queues {
		d.Queues = append(d.Queues, queueDefinition{Name: q.Name, VHost: vhost, Durable: true, Arguments: arguments(q.Arguments)})
	}
	for _, b := range t.durable().Bindings {
		def := bindingDefinition{Source: b.Exchange, VHost: vhost, Destination: b.Queue, DestinationType: "queue", RoutingKey: b.Key, Arguments: arguments(b.Arguments)}
		if b.ToExchange != "" {
			def.Destination, def.DestinationType = b.ToExchange, "exchange"
		}
		d.Bindings = append(d.Bindings, def)
	}
	out, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("topology: definitions: %w", err)
	}
	return out, nil
}

// durable returns t without exclusive queues.
func (t Topology) durable() Topology {
	var exclusive []string
	for _, q := range t.Queues {
		if q.Exclusive {
			exclusive = append(exclusive, q.Name)
		}
	}
	return t.Without(exclusive...)
}

// The types have the fields that RabbitMQ exports.
type definitions struct {
	Users       []userDefinition       `json:"users,omitempty"`
	Permissions []permissionDefinition `json:"permissions,omitempty"`
	Policies    []policyDefinition     `json:"policies"`
	Exchanges   []exchangeDefinition   `json:"exchanges"`
	Queues      []queueDefinition      `json:"queues"`
	Bindings    []bindingDefinition    `json:"bindings"`
}

// userDefinition is a user without a password.
type userDefinition struct {
	Name string   `json:"name"`
	Hash string   `json:"password_hash"`
	Tags []string `json:"tags"`
}

type permissionDefinition struct {
	User  string `json:"user"`
	VHost string `json:"vhost"`
	Permissions
}

type policyDefinition struct {
	VHost      string          `json:"vhost"`
	Name       string          `json:"name"`
	Pattern    string          `json:"pattern"`
	ApplyTo    string          `json:"apply-to"`
	Definition message.Headers `json:"definition"`
	Priority   int             `json:"priority"`
}

type exchangeDefinition struct {
	Name       string          `json:"name"`
	VHost      string          `json:"vhost"`
	Type       string          `json:"type"`
	Durable    bool            `json:"durable"`
	AutoDelete bool            `json:"auto_delete"`
	Internal   bool            `json:"internal"`
	Arguments  message.Headers `json:"arguments"`
}

type queueDefinition struct {
	Name       string          `json:"name"`
	VHost      string          `json:"vhost"`
	Durable    bool            `json:"durable"`
	AutoDelete bool            `json:"auto_delete"`
	Arguments  message.Headers `json:"arguments"`
}

type bindingDefinition struct {
	Source          string          `json:"source"`
	VHost           string          `json:"vhost"`
	Destination     string          `json:"destination"`
	DestinationType string          `json:"destination_type"`
	RoutingKey      string          `json:"routing_key"`
	Arguments       message.Headers `json:"arguments"`
}

// arguments returns an empty table for nil, because RabbitMQ never exports null arguments.
func arguments(h message.Headers) message.Headers {
	if h == nil {
		return message.Headers{}
	}
	return h
}
