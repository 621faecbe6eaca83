package job

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"id":1,"ok":true}`, `{"id":1,"error":"x","retry_after":"30s"}`, `{"id":1,"error":"x","permanent":true}`, `{"id":1,"error":"\u0000","discard":true}`,
		`{"id":1,"ok":true}{}`, `{"id":18446744073709551616}`, `null`, `[]`, "", `{"id":1,"error":"x","retry_after":"-1s"}`, strings.Repeat("[", 99),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		a, err := parseAnswer(line, 1)
		if err != nil {
			return
		}
		if !json.Valid(line) {
			t.Fatalf("%q is an answer, and no JSON", line)
		}
		out := a.outcome("program")
		if a.OK != (out == nil) {
			t.Fatalf("%q is %v", line, out)
		}
		if reported, ok := errors.AsType[*ReportedError](out); out != nil && (!ok || len(reported.Text) > maxText || !utf8.ValidString(reported.Text)) {
			t.Fatalf("%q is %v, want a text that can be shown", line, out)
		}
		if d, ok := retry.AfterDelay(out); ok && (d < 0 || d > maxRetryAfter) {
			t.Fatalf("%q asks for a pause of %v", line, d)
		}
	})
}

// FuzzFailures checks what programs and servers say about a batch of three messages.
func FuzzFailures(f *testing.F) {
	for _, seed := range []string{
		`{"id":1,"ok":true}`, `{"id":1,"failed":[]}`, `{"id":1,"failed":[{"item":2,"error":"x","retry_after":"30s"},{"item":0,"error":"y","discard":true}]}`,
		`{"item":0,"error":"x"}` + "\n\n" + `{"item":1,"error":"x","permanent":true}`, `{"failed":[{"item":1,"error":"x"}]}`, `{"failed":null}`,
		`{"item":0,"error":"x"}{"item":1,"error":"x"}`, `{"item":3,"error":"x"}`, `{"failed":[{"item":0}`, `{"id":1,"error":"x","failed":[]}`, "", " ",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, output []byte) {
		answered, lines, response := newFailures(3, "program"), newFailures(3, "program"), newFailures(3, "program")
		if a, err := parseBatchAnswer(output, 1, answered); err == nil && count(a.OK, a.Error != "", a.failures != nil) != 1 {
			t.Fatalf("%q is an answer with %+v", output, a)
		}
		_, _ = lines.addLines(&head{kept: output, limit: len(output)}), response.addResponse(output)
		for _, all := range []*failures{answered, lines, response} {
			for i, err := range all.errs {
				reported, ok := errors.AsType[*ReportedError](err)
				if i < 0 || i > 2 || !ok || len(reported.Text) > maxText || !utf8.ValidString(reported.Text) {
					t.Fatalf("%q has the error %v of item %d, want an item from 0 to 2 with a text that can be shown", output, err, i)
				}
				if d, ok := retry.AfterDelay(err); ok && (d < 0 || d > maxRetryAfter) {
					t.Fatalf("%q asks for a pause of %v", output, d)
				}
			}
		}
	})
}

func FuzzReadLine(f *testing.F) {
	f.Add([]byte("a\nb\n"), 10)
	f.Add([]byte("\n\n"), 0)
	f.Add(bytes.Repeat([]byte("x"), 5000), 4097)
	f.Add(append(bytes.Repeat([]byte("x"), 4096), '\n'), 4096)
	f.Fuzz(func(t *testing.T, all []byte, limit int) {
		limit = min(max(limit, 0), 1<<20)
		r := bufio.NewReader(bytes.NewReader(all))
		line, err := readLine(r, limit)
		first, _, ended := bytes.Cut(all, []byte("\n"))
		if ended {
			first = all[:len(first)+1]
		}
		switch {
		case len(line) > limit || !bytes.HasPrefix(all, line):
			t.Fatalf("read %q, want %d bytes at most of the beginning", line, limit)
		case len(first) > limit:
			if !errors.Is(err, errTooLong) {
				t.Fatalf("got %v, want that %d bytes are over %d", err, len(first), limit)
			}
		case !bytes.Equal(line, first), ended != (err == nil), !ended && !errors.Is(err, io.EOF):
			t.Fatalf("read %q, %v, want %q", line, err, first)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{
		"120", "0", "-1", "99999999999999999999", "Wed, 21 Oct 2026 07:28:00 GMT", "Wednesday, 21-Oct-26 07:28:00 GMT", "1m30s", "-3s", "", " 7 ",
		"9223372036854775807s", "1e9", "00000000000000000000000001", "Mon, 02 Jan 0001 15:04:05 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
	} {
		f.Add(seed)
	}
	now := time.Date(2026, 10, 21, 7, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		if d, ok := parseRetryAfter(text, now, time.Hour); ok && (d < 0 || d > time.Hour) {
			t.Fatalf("%q is a pause of %v, want 0 to an hour", text, d)
		}
	})
}

func TestRetryAfterIsSecondsADateOrADuration(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 21, 7, 0, 0, 0, time.UTC)
	const none = -1
	for text, want := range map[string]time.Duration{
		"0": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "3600": time.Hour, "3601": time.Hour, "99999999999999999999": time.Hour, "007": 7 * time.Second,
		"Wed, 21 Oct 2026 07:28:00 GMT": 28 * time.Minute, "Wednesday, 21-Oct-26 07:28:00 GMT": 28 * time.Minute, "Wed Oct 21 07:28:00 2026": 28 * time.Minute,
		"Tue, 20 Oct 2026 07:28:00 GMT": 0, "Thu, 22 Oct 2026 07:28:00 GMT": time.Hour, "Fri, 31 Dec 9999 23:59:59 GMT": time.Hour,
		"1m30s": 90 * time.Second, "99h": time.Hour, "": none, "-1": none, "-1s": none, "soon": none, "1.5": none, "Wed, 21 Oct 2026": none,
	} {
		got, ok := parseRetryAfter(text, now, time.Hour)
		if ok != (want != none) || ok && got != want {
			t.Errorf("%q is %v, %v, want %v", text, got, ok, want)
		}
	}
}

func TestOnlyAddressesOfThePublicInternetArePublic(t *testing.T) {
	t.Parallel()
	for _, public := range []string{"1.1.1.1", "93.184.216.34", "172.32.0.1", "192.0.1.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1"} {
		if err := refusePrivate(t.Context(), "tcp", netip.AddrPortFrom(netip.MustParseAddr(public), 80).String(), nil); err != nil {
			t.Errorf("%s: %v", public, err)
		}
	}
	for _, other := range []string{
		"127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1",
		"224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.8", "198.18.0.1", "203.0.113.9", "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "fe80::1",
		"fc00::1", "fd12::1", "ff02::1", "fec0::1", "64:ff9b::a00:1", "64:ff9b:1::1", "2001:db8::1", "2001::1", "2002:7f00:1::", "fec0::1%eth0", "::ffff:100.64.0.1",
	} {
		if err := refusePrivate(t.Context(), "tcp", netip.AddrPortFrom(netip.MustParseAddr(other), 80).String(), nil); err == nil {
			t.Errorf("%s is public, want it refused", other)
		}
	}
}

func TestRequestIsALine(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{
		"":             `"body":""`,
		"a\nb\u2028<è": `"body":"a\nb\u2028<è"`,
		"\xff\x00":     `"body_base64":"/wA="`,
	}
	for body, want := range bodies {
		line, err := encodeRequest(t.Context(), 1, &message.Message{Body: []byte(body)}, nil)
		want = `{"id":1,"message_id":"","attempt":0,"queue":"","exchange":"","routing_key":"","priority":0,"redelivered":false,` + want + "}\n"
		if err != nil || string(line) != want {
			t.Errorf("got %s, %v, want %s", line, err, want)
		}
	}
}
