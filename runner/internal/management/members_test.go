package management_test

import (
	"net/http"
	"reflect"
	"testing"

	"github.com/warren-mq/warren/runner/internal/management"
)

func TestMembersAndNodesAreRead(t *testing.T) {
	t.Parallel()
	m := client(t, management.Config{URL: plugin(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.EscapedPath() + "?" + r.URL.Query().Get("columns") {
		case "/api/queues/%2Fblue?name,members":
			write(w, `[{"members":["a@h","b@h"],"name":"mail"},{"name":"classic"}]`)
		case "/api/nodes?name":
			write(w, `[{"name":"a@h"},{"name":"b@h"},{"name":"c@h"}]`)
		default:
			http.NotFound(w, r)
		}
	})})
	members, err := m.Members(t.Context())
	want := []management.Members{{Queue: "mail", Nodes: []string{"a@h", "b@h"}}, {Queue: "classic"}}
	if err != nil || !reflect.DeepEqual(members, want) {
		t.Errorf("got %v and %v, want %v", members, err, want)
	}
	nodes, err := m.Nodes(t.Context())
	if want := []string{"a@h", "b@h", "c@h"}; err != nil || !reflect.DeepEqual(nodes, want) {
		t.Errorf("got %v and %v, want %v", nodes, err, want)
	}
}

func TestTheReplicasOfAQueueAreRead(t *testing.T) {
	t.Parallel()
	m := client(t, management.Config{URL: plugin(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.EscapedPath() + "?" + r.URL.Query().Get("columns") {
		case "/api/queues/%2Fblue/a%2Fb?leader,members,online":
			write(w, `{"leader":"a@h","members":["a@h","b@h"],"online":["a@h"]}`)
		case "/api/queues/%2Fblue/classic?leader,members,online":
			write(w, `{}`)
		default:
			http.NotFound(w, r)
		}
	})})
	r, err := m.Replicas(t.Context(), "a/b")
	if want := (management.Replicas{Leader: "a@h", Members: []string{"a@h", "b@h"}, Online: []string{"a@h"}}); err != nil || !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v and %v, want %+v", r, err, want)
	}
	if r, err := m.Replicas(t.Context(), "classic"); err != nil || len(r.Members) > 0 {
		t.Errorf("a classic queue: got %+v and %v, want no members", r, err)
	}
}

func TestPoliciesAreRead(t *testing.T) {
	t.Parallel()
	m := client(t, management.Config{URL: plugin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != "/api/queues/%2Fblue" || r.URL.Query().Get("columns") != "name,policy,operator_policy,effective_policy_definition" {
			http.NotFound(w, r)
			return
		}
		write(w, `[{"effective_policy_definition":{"expires":1000},"name":"mail","operator_policy":"limits","policy":"all"},
			{"effective_policy_definition":[],"name":"free","operator_policy":null,"policy":null}]`)
	})})
	got, err := m.Policies(t.Context())
	want := []management.Policies{
		{Queue: "mail", Policy: "all", OperatorPolicy: "limits", Effective: map[string]any{"expires": 1000.0}}, {Queue: "free"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v and %v, want %v", got, err, want)
	}
}
