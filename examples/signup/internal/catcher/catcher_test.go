package catcher_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/examples/signup/internal/catcher"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(tb testing.TB) *catcher.Catcher {
	tb.Helper()
	c, err := catcher.Start("")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

// say sends the lines, returns the last answer and closes the connection.
func say(tb testing.TB, c *catcher.Catcher, lines ...string) string {
	tb.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.URL(), "smtp://"))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		tb.Fatal(err)
	}
	answers := textproto.NewReader(textproto.NewConn(conn).R)
	if _, _, err := answers.ReadResponse(220); err != nil {
		tb.Fatal(err)
	}
	last := ""
	for _, line := range append([]string{"EHLO client"}, lines...) {
		if _, err := io.WriteString(conn, line+"\r\n"); err != nil {
			return err.Error()
		}
		code, text, err := answers.ReadResponse(0)
		if last = fmt.Sprint(code, " ", text); err != nil && code == 0 {
			return err.Error()
		}
	}
	return last
}

func TestOneMailIsBoundedAndSoAreAll(t *testing.T) {
	t.Parallel()
	c := start(t)
	recipients := []string{"MAIL FROM:<a@example.com>"}
	for i := range 101 {
		recipients = append(recipients, fmt.Sprintf("RCPT TO:<%d@example.com>", i))
	}
	if got := say(t, c, recipients...); !strings.HasPrefix(got, "452 ") {
		t.Errorf("the 101st recipient: got %s, want 452", got)
	}
	large := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 998)+"\r\n", 1<<10)
	mail := func(text string) string {
		return say(t, c, "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA", dotted(t, text))
	}
	if got := mail(large + large); !strings.HasPrefix(got, "55") {
		t.Errorf("2 MiB: got %s, want a refusal", got)
	}
	for range 18 {
		if got := mail(large); !strings.HasPrefix(got, "250 ") {
			t.Fatalf("1 MiB: got %s, want it accepted", got)
		}
	}
	kept := 0
	for _, m := range c.Inbox("", 100) {
		kept += len(m.Text)
	}
	if latest, ok := c.Mail(18); kept > 16<<20 || c.State().Accepted != 18 || !ok || latest.Number != 18 {
		t.Errorf("%d bytes are kept of %d mails, want at most 16 MiB, and the latest", kept, c.State().Accepted)
	}
	if first, ok := c.Mail(1); ok {
		t.Errorf("the first mail is still kept, as number %d", first.Number)
	}
}

// The catcher answers any bytes of a mail, and goes on.
func FuzzAMailOfAnyBytesIsTakenOrRefused(f *testing.F) {
	c := start(f)
	for _, seed := range []string{
		"Subject: x\r\n\r\nhello", "", "no header", "Subject: =?utf-8?q?=zz?=\r\n\r\nx", "Subject: =?x?b?!?=\r\n\r\n",
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n=zz=\r\nhttps://x", "A: b\r\n c\r\n\r\n.\r\n..\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, mail string) {
		mail = mail[:min(len(mail), 1000)] // the server closes the connection on a longer line
		if got := say(t, c, "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA", dotted(t, mail), "NOOP"); !strings.HasPrefix(got, "250 ") {
			t.Errorf("after %.200q: %s, want 250", mail, got)
		}
	})
}

// dotted returns the mail as it is sent after DATA: with CRLF line ends except after the last
// line, and with dots doubled.
func dotted(tb testing.TB, mail string) string {
	tb.Helper()
	var b strings.Builder
	buffer := bufio.NewWriter(&b)
	w := textproto.NewWriter(buffer).DotWriter()
	_, err := io.WriteString(w, strings.ReplaceAll(mail, "\r", ""))
	if err := errors.Join(err, w.Close(), buffer.Flush()); err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\r\n")
}
