package live_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/examples/signup/internal/live/livetest"
)

func TestAButtonBecomesAnAction(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		form string
		want live.Action
	}{
		"sign up a hundred":     {"verb=sign-up&count=100", live.Action{Verb: live.SignUp, Count: 100}},
		"sign up the old way":   {"verb=sign-up-sync&count=1", live.Action{Verb: live.SignUpSync, Count: 1}},
		"stop the mail server":  {"verb=stop-mail", live.Action{Verb: live.StopMail}},
		"bounce an address":     {"verb=bounce&address=bob@example.test", live.Action{Verb: live.Bounce, Address: "bob@example.test"}},
		"flood and then reset":  {"verb=flood-and-reset&count=9000", live.Action{Verb: live.FloodAndReset, Count: 9000}},
		"scale a pool":          {"verb=scale&queue=analytics&concurrency=3", live.Action{Verb: live.Scale, Queue: "analytics", Concurrency: 3}},
		"replay dead letters":   {"verb=replay&queue=analytics", live.Action{Verb: live.Replay, Queue: "analytics"}},
		"cut the connections":   {"verb=kill-connection", live.Action{Verb: live.KillConnection}},
		"fix the mail server":   {"verb=fix-mail", live.Action{Verb: live.FixMail}},
		"slow down the server":  {"verb=slow-mail", live.Action{Verb: live.SlowMail}},
		"play a chapter":        {"verb=play&chapter=3", live.Action{Verb: live.Play, Chapter: 3}},
		"play all chapters":     {"verb=play", live.Action{Verb: live.Play}},
		"stop what goes on":     {"verb=cancel", live.Action{Verb: live.Cancel}},
		"what it does not need": {"verb=stop-mail&count=many", live.Action{Verb: live.StopMail}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := livetest.Busy()
			url := livetest.Serve(t, d)
			got := post(t, url+"/live", tt.form)
			if to := got.header.Get("Location"); got.status != http.StatusSeeOther || to != "/live" {
				t.Errorf("the answer is %d to %q, want 303 to /live", got.status, to)
			}
			if want := []live.Action{tt.want}; !reflect.DeepEqual(d.Actions, want) {
				t.Errorf("done is %+v, want %+v", d.Actions, want)
			}
			if body := get(t, url+"/live").body; !strings.Contains(body, "Done: "+string(tt.want.Verb)+".") {
				t.Error("the page does not say what was done")
			}
		})
	}
}

func TestAWrongFormDoesNothingAndTheReasonIsShown(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ form, want string }{
		"an unknown verb":          {"verb=drop", `unknown verb &#34;drop&#34;`},
		"no verb":                  {"x=y", `unknown verb &#34;&#34;`},
		"a count of zero":          {"verb=sign-up&count=0", `invalid count &#34;0&#34;, want 1 to 10000`},
		"too many to sign up":      {"verb=sign-up&count=10001", `want 1 to 10000`},
		"a count with an exponent": {"verb=sign-up&count=1e3", `invalid count &#34;1e3&#34;`},
		"a pool of no workers":     {"verb=scale&queue=analytics&concurrency=0", `invalid concurrency &#34;0&#34;, want 1 to 32`},
		"an unknown chapter":       {"verb=play&chapter=6", `invalid chapter &#34;6&#34;, want 1 to 5`},
		"what the demo refuses":    {"verb=bounce&address=%3Cb%3Ebob", `the address is &lt;b&gt;bob, want one with an @`},
		"a form that is too large": {"verb=stop-mail&x=" + strings.Repeat("x", 5000), `parse the form`},
		"a form that is broken":    {"verb=stop-mail&x=%zz", `parse the form`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := livetest.Busy()
			url := livetest.Serve(t, d)
			post(t, url+"/live", tt.form)
			if len(d.Actions) != 0 {
				t.Errorf("done is %+v, want nothing", d.Actions)
			}
			if body := get(t, url+"/live").body; !strings.Contains(body, tt.want) {
				t.Errorf("want %q in:\n%s", tt.want, body)
			}
		})
	}
}

func TestAFormOfAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header http.Header
		want   int
	}{
		"of another site":            {http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden},
		"of a neighbouring site":     {http.Header{"Sec-Fetch-Site": {"same-site"}}, http.StatusForbidden},
		"of another, an old browser": {http.Header{"Origin": {"https://evil.test"}}, http.StatusForbidden},
		"of this site":               {http.Header{"Sec-Fetch-Site": {"same-origin"}}, http.StatusSeeOther},
		"of no browser":              {nil, http.StatusSeeOther},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := livetest.Busy()
			got := send(t, http.MethodPost, livetest.Serve(t, d)+"/live", "verb=stop-mail", tt.header)
			if got.status != tt.want {
				t.Errorf("the answer is %d, want %d", got.status, tt.want)
			}
			if refused := tt.want == http.StatusForbidden; refused == (len(d.Actions) > 0) {
				t.Errorf("done is %+v", d.Actions)
			}
		})
	}
}
