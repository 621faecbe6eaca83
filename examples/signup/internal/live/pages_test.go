package live_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/examples/signup/internal/live/livetest"
)

// answer is the answer to a request.
type answer struct {
	status int
	header http.Header
	body   string
}

func get(t *testing.T, url string) answer {
	t.Helper()
	return send(t, http.MethodGet, url, "", nil)
}

// post sends a form, and follows no redirect.
func post(t *testing.T, url, form string) answer {
	t.Helper()
	return send(t, http.MethodPost, url, form, nil)
}

func send(t *testing.T, method, url, form string, header http.Header) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header.Clone()
	}
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

func TestPagesSayWhatTheDemoSays(t *testing.T) {
	t.Parallel()
	url := livetest.Serve(t, livetest.Busy())
	tests := map[string]struct{ path, want string }{
		"the live page has a queue's depth":       {"/live", `<b data-v="ready">8,431</b>`},
		"it has both latencies":                   {"/live", `<span id="old-p99">4.11 s</span>`},
		"the median is large":                     {"/live", `<b id="new-p50">65 ms</b>`},
		"the ratio is of the medians":             {"/live", `<b id="ratio">31× sooner</b>`},
		"the bars have one linear scale":          {"/live", `<rect class="to50" width="1.6" height="4"/>`},
		"a step of the story has its button":      {"/live", `<button name="chapter" value="2"><b>2</b> Stop the mail server</button>`},
		"and its result":                          {"/live", `40 mails are dead letters.`},
		"all steps have one button":               {"/live", `value="play">Play all five</button>`},
		"a cut connection has its result":         {"/live", `Reconnected in 90 ms, 0 lost of 8 in hand.`},
		"the line that stays has the sums":        {"/live", `<b>8,554</b> ready`},
		"it draws the workers that are busy":      {"/live", `class="busy"`},
		"it has a button to replay dead letters":  {"/live", `Replay<span class="hide"> welcome-email.dlq`},
		"it has the position of the reset":        {"/live", `number <b>12</b>, past <b>9,000</b> mails that waited, after 310 ms.`},
		"it has the progress of an action":        {"/live", `<p id="doing">Signing up: 9,204 of 10,000.</p>`},
		"it has a button to stop the action":      {"/live", `value="cancel"`},
		"the inbox has the links of mails":        {"/inbox", `href="http://127.0.0.1/verify?token=v"`},
		"a mail has its text":                     {"/inbox/m1", `Hello, Bob.`},
		"a journey has the error of an attempt":   {"/journey/7", `connection refused; again in 500 ms`},
		"it has the replay":                       {"/journey/7", `replayed`},
		"it has the time since the sign-up":       {"/journey/7", `540 ms<`},
		"the sign-up form has a name for a field": {"/", `<label for="email">E-mail</label>`},
		"a fault belongs to its field":            {"/signup-again", `aria-describedby="email-fault"`},
		"what was sent stays in the form":         {"/signup-again", `value="ada@"`},
		"an answer says how long it took":         {"/signed-up", `data-ms="3.14"`},
		"the token goes with a new password":      {"/reset/confirm", `name="token" value="t"`},
		"the style sheet is there":                {"/assets/base.css", `color-scheme: light dark`},
		"and the script":                          {"/assets/live.js", `EventSource`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := get(t, url+tt.path); got.status != http.StatusOK || !strings.Contains(got.body, tt.want) {
				t.Errorf("%s answers %d, want %q in it:\n%s", tt.path, got.status, tt.want, got.body)
			}
		})
	}
}

func TestAnEmptyDemoHasPages(t *testing.T) {
	t.Parallel()
	url := livetest.Serve(t, &livetest.Demo{State: live.Snapshot{MailServer: live.MailServer{Mode: live.MailHealthy}}})
	for path, want := range map[string]string{"/live": "None yet: play step 1", "/inbox": "No mail yet", "/inbox?to=x@y.test": "No mail yet to x@y.test"} {
		if got := get(t, url+path); got.status != http.StatusOK || !strings.Contains(got.body, want) {
			t.Errorf("%s answers %d, want %q in it:\n%s", path, got.status, want, got.body)
		}
	}
}

func TestACutConnectionSaysWhatIsOutstanding(t *testing.T) {
	t.Parallel()
	for want, cut := range map[string]live.Cut{
		"The connection is cut.": {InHand: 8, Outstanding: 8},
		"Reconnected in 90 ms; 3 of 8 messages in hand are still to be settled.": {Reconnected: 90 * time.Millisecond, InHand: 8, Outstanding: 3},
		"Reconnected in 90 ms, 0 lost.":                                          {Reconnected: 90 * time.Millisecond},
	} {
		d := livetest.Busy()
		d.State.Broker.Cut = &cut
		if body := get(t, livetest.Serve(t, d)+"/live").body; !strings.Contains(body, `id="cut">`+want+"</p>") {
			t.Errorf("want %q in:\n%s", want, body)
		}
	}
}

func TestTheInboxShowsTheMailsToOneAddress(t *testing.T) {
	t.Parallel()
	body := get(t, livetest.Serve(t, livetest.Busy())+"/inbox?to=bob@example.test").body
	if !strings.Contains(body, "/inbox/m1") || strings.Contains(body, "/inbox/m2") {
		t.Errorf("want only mail m1, got:\n%s", body)
	}
}

func TestAMissingMessageIsNotFound(t *testing.T) {
	t.Parallel()
	url := livetest.Serve(t, livetest.Busy())
	for _, path := range []string{"/inbox/m9", "/journey/9", "/live/x", "/assets/x.js"} {
		if got := get(t, url+path); got.status != http.StatusNotFound {
			t.Errorf("%s answers %d, want 404", path, got.status)
		}
	}
}

func TestEveryAnswerHasThePolicy(t *testing.T) {
	t.Parallel()
	url := livetest.Serve(t, livetest.Busy())
	for _, path := range []string{"/", "/live", "/inbox", "/journey/7", "/journey/9", "/assets/live.js"} {
		got := get(t, url+path)
		policy := got.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s has the policy %q, want it to contain %s", path, policy, want)
			}
		}
		for _, inline := range []string{"style=", "<style", "onclick=", "<script>"} {
			if strings.Contains(got.body, inline) {
				t.Errorf("%s contains %s, which the policy forbids", path, inline)
			}
		}
	}
}

func TestTextsAreNotMarkup(t *testing.T) {
	t.Parallel()
	evil := `"><script>alert(1)</script>`
	d := livetest.Busy()
	d.State.Doing, d.State.Queues[0].Name = evil, evil
	d.State.Recent[0].Email = evil
	d.Followed.Steps[0].Detail = evil
	d.Mails[0].Subject, d.Mails[0].Text, d.Mails[0].To, d.Mails[0].ID = evil, evil, evil, "evil"
	d.Mails[0].Links = []string{"javascript:alert(1)", "data:text/html,x"}
	url := livetest.Serve(t, d)
	for _, path := range []string{"/live", "/inbox", "/inbox?to=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/inbox/evil", "/journey/7"} {
		body := get(t, url+path).body
		if strings.Contains(body, "<script>alert") || strings.Contains(body, `href="javascript:`) || strings.Contains(body, `href="data:`) {
			t.Errorf("%s does not escape a text:\n%s", path, body)
		}
	}
}
