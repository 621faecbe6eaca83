package amqp_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/retry"
)

// TestConfigValidate reports every fault at once.
func TestConfigValidate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  amqp.Config
		want []string // parts of the error, none if it is good
	}{
		{"no URL", amqp.Config{}, []string{"amqp://", "amqps://", "devbroker.New"}},
		{"a Dial alone", amqp.Config{Dial: new(net.Dialer).DialContext}, []string{"URL and URLs are empty"}},
		{"the URL of an embedded broker", amqp.Config{URL: "embedded:"}, []string{"amqp://", "amqps://"}},
		{"URLs alone are good", amqp.Config{URLs: []string{"amqp://one", "amqp://two"}}, nil},
		{"durations without limit are good", amqp.Config{URL: "amqp://one", StartupTimeout: -1, PublishTimeout: -1}, nil},
		{"a TLS URL is good", amqp.Config{URL: "amqps://user:secret@broker.example:5671/orders"}, nil},
		{"a URL of something else", amqp.Config{URL: "https://broker.example/"}, []string{"amqp://"}},
		{"a port out of range", amqp.Config{URL: "amqp://broker.example:99999/"}, []string{"99999", "1 to 65535"}},
		{"a slash in the password", amqp.Config{URL: "amqp://user:50/@broker.example/"}, []string{"%XX", "%2F"}},
		{"a slash and a number sign in the password", amqp.Config{URL: "amqp://user:5@0/#1@broker.example/"}, []string{"%XX", "%23"}},
		{"a number sign in the password", amqp.Config{URL: "amqp://user:50#@broker.example/"}, []string{"%XX", "%23"}},
		{"a question mark in the password", amqp.Config{URL: "amqp://user:50?@broker.example/"}, []string{"%XX", "%3F"}},
		{"a bad escape", amqp.Config{URL: "amqp://user:50%@broker.example/"}, []string{"%-escape", "%XX"}},
		{"a bad port", amqp.Config{URL: "amqp://broker.example:port/"}, []string{"cannot be parsed"}},
		{"a URL among several", amqp.Config{URLs: []string{"amqp://one", "http://two"}}, []string{"amqp://"}},
		{"a negative heartbeat", amqp.Config{URL: "amqp://one", Heartbeat: -time.Second}, []string{"Heartbeat is -1s, want 0 or more"}},
		{"a negative time to dial", amqp.Config{URL: "amqp://one", DialTimeout: -1}, []string{"DialTimeout is -1ns, want 0 or more"}},
		{"pauses that cannot be", amqp.Config{URL: "amqp://one", Backoff: retry.Policy{InitialInterval: -time.Second}}, []string{"initial interval is -1s"}},
		{
			"everything at once",
			amqp.Config{URL: "http://one", URLs: []string{"amqp://u:9%@two"}, Heartbeat: -1, DialTimeout: -2},
			[]string{"AMQP scheme", "%-escape", "Heartbeat is -1ns", "DialTimeout is -2ns"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.cfg.Validate()
			if (err == nil) != (tt.want == nil) {
				t.Fatalf("Validate returned %v, want an error: %v", err, tt.want != nil)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Validate returned %v, want one with %q", err, part)
				}
			}
		})
	}
}

// TestValidateIsStable: the same configuration gives the same text.
func TestValidateIsStable(t *testing.T) {
	t.Parallel()
	cfg := amqp.Config{Heartbeat: -1, DialTimeout: -2}
	first := cfg.Validate().Error()
	for range 50 {
		if again := cfg.Validate().Error(); again != first {
			t.Fatalf("Validate returned\n%s\nand then\n%s", first, again)
		}
	}
}

// shown is everything by which a configuration may reach a log or a screen.
func shown(cfg amqp.Config) map[string]string {
	var text, structured strings.Builder
	slog.New(slog.NewTextHandler(&text, nil)).Info("start", "config", cfg, "pointer", &cfg)
	slog.New(slog.NewJSONHandler(&structured, nil)).Info("start", "config", cfg, "pointer", &cfg)
	out := map[string]string{
		"String": cfg.String(), "GoString": cfg.GoString(), "LogValue": cfg.LogValue().String(),
		"Validate": fmt.Sprint(cfg.Validate()), "slog text": text.String(), "slog JSON": structured.String(),
		"in a slice":  fmt.Sprintf("%v %+v %#v", []amqp.Config{cfg}, []*amqp.Config{&cfg}, []amqp.Config{cfg}),
		"in a struct": fmt.Sprintf("%+v", struct{ Broker amqp.Config }{cfg}),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		out[verb] = fmt.Sprintf(verb, cfg) + fmt.Sprintf(verb, &cfg)
	}
	return out
}

// TestNoPrintShowsThePassword goes through every way to print a configuration, with
// the URLs people write, right and wrong.
func TestNoPrintShowsThePassword(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, url string }{
		{"a good URL", "amqp://user:s3cr3tpw@broker.example/"},
		{"a TLS URL", "amqps://user:s3cr3tpw@broker.example:5671/vhost?heartbeat=5"},
		{"another scheme", "http://user:s3cr3tpw@broker.example/"},
		{"no scheme", "user:s3cr3tpw@broker.example:5672/"},
		{"no slashes", "amqp:user:s3cr3tpw@broker.example/"},
		{"one slash", "amqp:/user:s3cr3tpw@broker.example/"},
		{"three slashes", "amqp:///user:s3cr3tpw@broker.example/"},
		{"a bad escape", "amqp://user:s3cr3tpw%@broker.example/"},
		{"a bare slash in the password", "amqp://user:s3cr3tpw/x@broker.example/"},
		{"a bare slash behind digits", "amqp://user:1234/s3cr3tpw@broker.example/"},
		{"a bare ? behind digits", "amqp://user:1234?s3cr3tpw@broker.example/"},
		{"a bare # behind digits", "amqp://user:1234#s3cr3tpw@broker.example/"},
		{"a bare @ in the password", "amqp://user:x@s3cr3tpw@broker.example/"},
		{"a space", "amqp://user:s3cr3tpw @broker.example/"},
		{"a line end", "amqp://user:s3cr3tpw@broker.example/\n"},
		{"a bad port", "amqp://user:s3cr3tpw@broker.example:99999999999/"},
		{"a bad heartbeat", "amqp://user:s3cr3tpw@broker.example/?heartbeat=often"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var leaks []string
			for way, text := range shown(amqp.Config{URL: tt.url, URLs: []string{tt.url}}) {
				if strings.Contains(text, "s3cr3tpw") {
					leaks = append(leaks, way)
				}
			}
			if slices.Sort(leaks); leaks != nil {
				t.Errorf("these show the password: %v; String is %v", leaks, amqp.Config{URL: tt.url})
			}
		})
	}
}

// TestNoVerbShowsThePassword: also not one that is wrong for a configuration.
func TestNoVerbShowsThePassword(t *testing.T) {
	t.Parallel()
	cfg := amqp.Config{URL: "amqp://user:s3cr3tpw@broker.example/"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%c", "%f", "%+d"} {
		text := fmt.Sprintf(verb, cfg) + fmt.Sprintf(verb, &cfg)
		if strings.Contains(text, "s3cr3tpw") || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", "s3cr3tpw")) {
			t.Errorf("%s shows the password: %s", verb, text)
		}
	}
}

// TestNoOwnerShowsThePassword prints what keeps a configuration.
func TestNoOwnerShowsThePassword(t *testing.T) {
	t.Parallel()
	cfg := amqp.Config{URL: "amqp://user:s3cr3tpw@broker.example/"}
	for _, v := range []any{broker.NewPublisher(broker.Config(cfg), "events"), amqp.NewConnector(cfg, "test", nil), amqp.NewSender(cfg, "test", nil)} {
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "s3cr3tpw") {
				t.Errorf("%s of a %T shows the password: %s", verb, v, text)
			}
		}
	}
}

// FuzzRedact: whatever password a URL holds, no print and no error shows it.
func FuzzRedact(f *testing.F) {
	for _, u := range []string{
		"amqp://user:s3cr3tpw@broker.example/", "amqp://user:p%40ss%2Fw0rd@host:5672/v", "amqp://:onlypass@h", "amqp://u:long:colons:in@h/",
		"amqp://user:s3cr3tpw%@h", "amqp://u:s3cr3t pw@h/", "amqps://u:s3cr3tpw@[::1]:5671/%2f?heartbeat=x", "//u:s3cr3tpw@h", "mailto:s3cr3tpw@h",
	} {
		f.Add(u, "s3cr3t/p%w")
	}
	f.Fuzz(func(t *testing.T, raw, password string) {
		check(t, raw)
		check(t, (&url.URL{Scheme: "amqp", User: url.UserPassword("user", password), Host: "broker.example", Path: "/v"}).String())
	})
}

// check looks for the password of raw that net/url finds, written plainly or escaped.
func check(t *testing.T, raw string) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		u = &url.URL{User: url.User("")} // no password, and nothing must panic
	}
	password, _ := u.User.Password()
	_, escaped, _ := strings.Cut(u.User.String(), ":")
	u.User = url.UserPassword(u.User.Username(), "xxxxx")
	other := u.String()
	rest, again := strings.Join([]string{other, u.Host, u.Path, u.Opaque, u.User.Username(), u.RawQuery, u.Fragment}, " "), shown(amqp.Config{URL: other})
	for way, text := range shown(amqp.Config{URL: raw}) {
		for _, secret := range []string{password, escaped} {
			if len(secret) < 4 || strings.Contains(rest, secret) || strings.Contains(again[way], secret) {
				continue // what stands there without the password is no leak
			}
			if strings.Contains(text, secret) {
				t.Errorf("%s shows the password %q: %s", way, secret, text)
			}
		}
	}
}
