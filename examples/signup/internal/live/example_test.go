package live_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
)

// A service answers with these pages, behind the guard.
func ExampleRender() {
	service := live.Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		signup := live.Signup{ID: "7", Email: "ada@example.test", Took: 3 * time.Millisecond}
		if err := live.Render(w, http.StatusCreated, live.SignedUp{Signup: signup, Name: "Ada"}); err != nil {
			fmt.Println(err)
		}
	}))
	answer := httptest.NewRecorder()
	service.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, live.PostSignUp, nil))

	fmt.Println(answer.Code, strings.Contains(answer.Body.String(), "<strong>3.0 ms</strong>"))
	policy, _, _ := strings.Cut(answer.Header().Get("Content-Security-Policy"), ";")
	fmt.Println(policy)
	// Output:
	// 201 true
	// default-src 'none'
}
