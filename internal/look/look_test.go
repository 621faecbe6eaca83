package look_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/warren-mq/warren/internal/look"
)

func get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	own := fstest.MapFS{"assets/own.css": {Data: []byte("p { margin: 0 }")}, "secret": {Data: []byte("x")}}
	answer := httptest.NewRecorder()
	look.Handler(own).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	return answer
}

func TestOwnAndSharedFilesAreServed(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"/base.css": "color-scheme: light dark", "/morph.js": "function morph(", "/own.css": "margin: 0"} {
		if answer := get(t, path); answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), want) {
			t.Errorf("%s: status %d, want 200 and %q in:\n%s", path, answer.Code, want, answer.Body)
		}
	}
	for _, path := range []string{"/look.go", "/secret", "/no-such-file"} {
		if answer := get(t, path); answer.Code != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, answer.Code)
		}
	}
}

// TestTheStyleRequestsNoOtherFile guards the policy of the pages: they send no third-party request.
func TestTheStyleRequestsNoOtherFile(t *testing.T) {
	t.Parallel()
	style := get(t, "/base.css").Body.String()
	for _, no := range []string{"url(", "@import", "http:", "https:"} {
		if strings.Contains(style, no) {
			t.Errorf("the style sheet contains %q", no)
		}
	}
}
