//go:build clients

package clients_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/warren-mq/warren/devbroker"
)

// alarmVariable tells the test's binary to be rabbitmqctl, and where the alarm of its
// broker is set.
const alarmVariable = "WARREN_TEST_ALARM"

// management stands in for RabbitMQ's management plugin and rabbitmqctl, as far as the
// tests of amqp091-go use them: they end a connection by its name, and set off the
// memory alarm. It learns the names of connections by carrying them, and cuts them where
// the plugin says goodbye first.
type management struct {
	server *httptest.Server
	mux    *http.ServeMux

	mu    sync.Mutex
	links map[string]*link // by the client's address
}

func newManagement(t *testing.T) *management {
	t.Helper()
	m := &management{mux: http.NewServeMux(), links: map[string]*link{}}
	m.server = httptest.NewServer(m.mux)
	t.Cleanup(m.server.Close)
	m.mux.HandleFunc("GET /api/connections/", m.list)
	m.mux.HandleFunc("DELETE /api/connections/{address}", m.cut)
	return m
}

func (m *management) port(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(m.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// connection is a connection in the words of the management plugin.
type connection struct {
	Name       string            `json:"name"`
	Properties map[string]string `json:"client_properties"`
}

func (m *management) list(w http.ResponseWriter, _ *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	connections := []connection{}
	for address, l := range m.links {
		connections = append(connections, connection{address, map[string]string{"connection_name": l.name}})
	}
	if err := json.NewEncoder(w).Encode(connections); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (m *management) cut(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.links[r.PathValue("address")]; l != nil {
		l.close()
	}
	w.WriteHeader(http.StatusNoContent)
}

// alarm returns where rabbitmqctl sets the alarm of a broker.
func (m *management) alarm(broker *devbroker.Broker, name string) string {
	m.mux.HandleFunc("PUT /alarm/"+name, func(http.ResponseWriter, *http.Request) { broker.Block("") })
	m.mux.HandleFunc("DELETE /alarm/"+name, func(http.ResponseWriter, *http.Request) { broker.Unblock() })
	return m.server.URL + "/alarm/" + name
}

// rabbitmqctl obeys set_vm_memory_high_watermark 0.4, RabbitMQ's default, and takes
// anything else for a mark that is passed already.
func rabbitmqctl(alarm string, args []string) error {
	if len(args) != 2 || args[0] != "set_vm_memory_high_watermark" {
		return fmt.Errorf("rabbitmqctl: got %q, want set_vm_memory_high_watermark", args)
	}
	method := http.MethodPut
	if args[1] == "0.4" {
		method = http.MethodDelete
	}
	request, err := http.NewRequestWithContext(context.Background(), method, alarm, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}
