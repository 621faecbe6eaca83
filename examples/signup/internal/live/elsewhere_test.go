package live_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/examples/signup/internal/live/livetest"
)

func TestPagesDoNotPretendToHaveTheMailsOfAnotherServer(t *testing.T) {
	t.Parallel()
	d := livetest.Busy()
	d.State.MailServer = live.MailServer{Elsewhere: "mail.example.test:25", Accepted: 41, Failed: 3}
	d.Mails = nil
	url := livetest.Serve(t, d)
	for path, tt := range map[string]struct{ has, lacks []string }{
		"/live": {
			[]string{"Mails go to mail.example.test:25.", "<b>41</b> <span>mails sent", "3 attempts failed", "flood-and-reset"},
			[]string{"slow-mail", "stop-mail", "fix-mail", `value="bounce"`, "The mail server is", `<a href="/inbox">mails`},
		},
		"/inbox":     {[]string{"The mails go to mail.example.test:25", "Without SMTP_URL"}, []string{"No mail yet", `name="to"`}},
		"/journey/7": {[]string{"connection refused"}, []string{"/inbox?to="}},
	} {
		body := get(t, url+path).body
		for _, want := range tt.has {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %q:\n%s", path, want, body)
			}
		}
		for _, not := range tt.lacks {
			if strings.Contains(body, not) {
				t.Errorf("%s has %q:\n%s", path, not, body)
			}
		}
	}
}

func TestAServiceWithoutPagesPrintsTheirAddress(t *testing.T) {
	t.Parallel()
	service := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	server := httptest.NewServer(live.Beside(live.Absent(), service))
	t.Cleanup(server.Close)
	for path, want := range map[string]int{
		"/": http.StatusTeapot, "/live": http.StatusNotFound, "/inbox": http.StatusNotFound, "/inbox/1": http.StatusNotFound, "/journey/7": http.StatusNotFound,
	} {
		got := get(t, server.URL+path)
		if got.status != want || want == http.StatusNotFound && !strings.Contains(got.body, "This process runs the service alone") {
			t.Errorf("%s answers %d, want %d:\n%s", path, got.status, want, got.body)
		}
	}
}
