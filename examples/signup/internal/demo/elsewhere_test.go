package demo_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/catcher"
	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/internal/rabbit"
)

func TestAMailServerElsewhereIsNotOurs(t *testing.T) {
	other, err := catcher.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := other.Stop(); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(other.URL())
	if err != nil {
		t.Fatal(err)
	}
	d := startWith(t, other.URL())
	for _, verb := range []live.Verb{live.SlowMail, live.StopMail, live.FixMail, live.Bounce} {
		if said, err := d.Do(t.Context(), live.Action{Verb: verb, Address: "a@example.com"}); err == nil || !strings.Contains(err.Error(), u.Host) {
			t.Errorf("%s: got %q, %v, want that the server is %s", verb, said, err, u.Host)
		}
	}
	if _, err := d.Do(t.Context(), live.Action{Verb: live.SignUp, Count: 1}); err != nil {
		t.Fatal(err)
	}
	rabbit.Eventually(t, time.Minute, func() bool {
		m := d.Snapshot().MailServer
		return m.Elsewhere == u.Host && m.Accepted == 2 && len(other.Inbox("", 9)) == 2
	}, "both mails are there, and counted")
	if mails := d.Inbox("", 9); len(mails) > 0 {
		t.Errorf("the catcher's inbox has %+v, want no mail", mails)
	}
	rabbit.Eventually(t, time.Minute, func() bool { return !d.Busy() }, "the first has ended")
	if _, err := d.Do(t.Context(), live.Action{Verb: live.FloodAndReset, Count: 50}); err != nil {
		t.Fatal(err)
	}
	rabbit.Eventually(t, time.Minute, func() bool { r := d.Snapshot().Reset; return r != nil && r.Position > 0 }, "the snapshot has the place of the reset")
}
