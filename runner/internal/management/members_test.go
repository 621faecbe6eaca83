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
