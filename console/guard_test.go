package console_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/console"
)

// newConsole returns a console that is not connected: requests are refused before that matters.
func newConsole(t *testing.T, change func(*console.Config)) *console.Console {
	t.Helper()
	cfg := console.Config{
		Broker: broker.Config{URL: "amqp://127.0.0.1:1"}, Control: true, Token: func() (string, error) { return token, nil },
		Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	c, err := console.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// actions returns the paths of all actions, with values for their wildcards.
func actions(t *testing.T) (paths []string) {
	t.Helper()
	source, err := os.ReadFile("routes.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`c\.(?:action|form)\(mux, "([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
		paths = append(paths, regexp.MustCompile(`\{\w+\}`).ReplaceAllString(m[1], "x.delay"))
	}
	if len(paths) < 14 {
		t.Fatalf("found %d actions, want all: %v", len(paths), paths)
	}
	return paths
}

// login returns the cookie of a user.
func login(t *testing.T, c http.Handler) *http.Cookie {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://ops.example.org/console/login", strings.NewReader(url.Values{"token": {token}, "user": {"Ada"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://ops.example.org")
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	if cookies := w.Result().Cookies(); w.Code == http.StatusSeeOther && len(cookies) == 1 {
		return cookies[0]
	}
	t.Fatalf("the login was answered with %d", w.Code)
	return nil
}

func TestNoActionWithoutTokenOriginAndPermission(t *testing.T) {
	t.Parallel()
	const form, asJSON = "application/x-www-form-urlencoded", "application/json"
	authorized := func(a console.Access, err error) func(*console.Config) {
		return func(c *console.Config) {
			c.Authorize = func(*http.Request) (console.Access, error) { return a, err }
		}
	}
	open := func(c *console.Config) { c.Token = nil }
	for name, tt := range map[string]struct {
		change  func(*console.Config)
		host    string // empty means ops.example.org
		remote  string // empty means another machine
		cookie  bool
		header  map[string]string
		refused int // 0 means that the action begins
	}{
		"without a token":                        {header: map[string]string{"Content-Type": asJSON}, refused: 401},
		"with a wrong token":                     {header: map[string]string{"Content-Type": asJSON, "Authorization": "Bearer 0123456789abcdeF"}, refused: 401},
		"with an empty token":                    {header: map[string]string{"Content-Type": asJSON, "Authorization": "Bearer "}, refused: 401},
		"with the token":                         {header: map[string]string{"Content-Type": asJSON, "Authorization": "Bearer " + token}},
		"with the token from a foreign page":     {header: map[string]string{"Authorization": "Bearer " + token, "Origin": "https://evil.example", "Content-Type": form}, refused: 403},
		"with a login from its own page":         {cookie: true, header: map[string]string{"Content-Type": form, "Origin": "http://ops.example.org"}},
		"with a login, by fetch":                 {cookie: true, header: map[string]string{"Content-Type": form, "Sec-Fetch-Site": "same-origin"}},
		"with a login from a foreign page":       {cookie: true, header: map[string]string{"Content-Type": form, "Origin": "https://evil.example"}, refused: 403},
		"with a login from a sibling":            {cookie: true, header: map[string]string{"Content-Type": form, "Sec-Fetch-Site": "same-site", "Origin": "http://shop.example.org"}, refused: 403},
		"with a login from nowhere":              {cookie: true, header: map[string]string{"Content-Type": form}, refused: 403},
		"with a login from a sandbox":            {cookie: true, header: map[string]string{"Content-Type": form, "Origin": "null"}, refused: 403},
		"with a forged login":                    {header: map[string]string{"Content-Type": form, "Origin": "http://ops.example.org", "Cookie": "warren_console=AAAAAH____8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQWRh"}, refused: 401},
		"if the console only shows":              {change: func(c *console.Config) { c.Control = false }, header: map[string]string{"Content-Type": asJSON, "Authorization": "Bearer " + token}, refused: 403},
		"if the user may only read":              {change: authorized(console.Access{User: "eve", ReadOnly: true}, nil), header: map[string]string{"Content-Type": asJSON}, refused: 403},
		"if the host does not know the user":     {change: authorized(console.Access{}, errors.New("who are you?")), header: map[string]string{"Content-Type": asJSON}, refused: 403},
		"if the host knows the user":             {change: authorized(console.Access{User: "ada"}, nil), header: map[string]string{"Content-Type": asJSON}},
		"if the host knows the user, by a form":  {change: authorized(console.Access{User: "ada"}, nil), header: map[string]string{"Content-Type": form}, refused: 403},
		"on loopback, without any token":         {change: open, host: "127.0.0.1:8081", remote: "127.0.0.1:5000", header: map[string]string{"Content-Type": asJSON}},
		"from elsewhere, with a forged Host":     {change: open, host: "localhost:8081", header: map[string]string{"Content-Type": asJSON}, refused: 403},
		"on loopback, through a proxy":           {change: open, host: "localhost:8081", remote: "127.0.0.1:5000", header: map[string]string{"Content-Type": asJSON, "X-Forwarded-For": "203.0.113.5"}, refused: 403},
		"on loopback by another name":            {change: open, host: "evil.example:8081", remote: "127.0.0.1:5000", header: map[string]string{"Content-Type": asJSON}, refused: 403},
		"on loopback, by a form of another page": {change: open, host: "localhost:8081", remote: "127.0.0.1:5000", header: map[string]string{"Content-Type": form, "Origin": "https://evil.example"}, refused: 403},
		"on loopback, as text":                   {change: open, host: "localhost:8081", remote: "127.0.0.1:5000", header: map[string]string{"Content-Type": "text/plain"}, refused: 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConsole(t, tt.change)
			for _, path := range actions(t) {
				for _, prefix := range []string{"", "api/"} {
					host := tt.host
					if host == "" {
						host = "ops.example.org"
					}
					r := httptest.NewRequest(http.MethodPost, "http://"+host+"/console/"+prefix+path, strings.NewReader("{}"))
					if tt.remote != "" {
						r.RemoteAddr = tt.remote
					}
					for name, value := range tt.header {
						r.Header.Set(name, value)
					}
					if tt.cookie {
						r.AddCookie(login(t, c))
					}
					w := httptest.NewRecorder()
					c.ServeHTTP(w, r)
					begun := w.Code != 401 && w.Code != 403
					if begun != (tt.refused == 0) || !begun && w.Code != tt.refused {
						t.Errorf("POST %s: status %d, want %d: %s", prefix+path, w.Code, tt.refused, w.Body)
					}
				}
			}
		})
	}
}

func TestEveryPageNeedsTheToken(t *testing.T) {
	t.Parallel()
	c := newConsole(t, nil)
	for _, path := range []string{
		"", "queues", "queues/q", "processes", "working", "working/p", "deadletters", "deadletters/q", "deadletters/q/letters", "deadletters/q/letter",
		"deadletters/q/replay", "deadletters/q/discard", "deadletters/q/edit", "deadletters/q/export", "deadletters/q/notes", "jobs", "jobs/j", "delayed", "delayed/q.delay",
		"delayed/q.delay/message", "schedules", "topology", "publish", "no-such-page", "api/overview", "api/queues", "api/deadletters/q/export",
	} {
		r := httptest.NewRequest(http.MethodGet, "http://ops.example.org/console/"+path, nil)
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		if strings.HasPrefix(path, "api/") {
			if w.Code != http.StatusUnauthorized {
				t.Errorf("GET %s: status %d, want 401", path, w.Code)
			}
			continue
		}
		if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/console/login?to=") {
			t.Errorf("GET %s: status %d to %q, want the login page", path, w.Code, to)
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	c := newConsole(t, nil)
	for _, path := range []string{"", "login", "assets/style.css", "assets/base.css", "assets/console.js", "api/queues", "no-such-page"} {
		for _, bearer := range []string{"", "Bearer " + token} {
			r := httptest.NewRequest(http.MethodGet, "http://ops.example.org/console/"+path, nil)
			r.Header.Set("Authorization", bearer)
			w := httptest.NewRecorder()
			c.ServeHTTP(w, r)
			policy := w.Header().Get("Content-Security-Policy")
			if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
				t.Errorf("GET %s: the policy is %q", path, policy)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("GET %s: the headers are %v", path, w.Header())
			}
		}
	}
}

func TestALoginLeadsBackAndEnds(t *testing.T) {
	t.Parallel()
	now := token
	c := newConsole(t, func(c *console.Config) { c.Token = func() (string, error) { return now, nil } })
	cookie := login(t, c)
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/console/" || strings.Contains(cookie.Value, token) {
		t.Errorf("the cookie is %v", cookie)
	}
	see := func() int {
		r := httptest.NewRequest(http.MethodGet, "http://ops.example.org/console/", nil)
		r.AddCookie(cookie)
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		if w.Code == http.StatusOK && !strings.Contains(w.Body.String(), "Ada") {
			t.Errorf("the page does not name the user:\n%s", w.Body)
		}
		return w.Code
	}
	if status := see(); status != http.StatusOK {
		t.Errorf("with the cookie: status %d", status)
	}
	now = "another-token-of-today"
	if status := see(); status != http.StatusSeeOther {
		t.Errorf("with the cookie of an old token: status %d, want the login page", status)
	}
}

func TestALoginLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newConsole(t, nil))
	defer server.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	for _, to := range []string{"", "queues?page=2", "//evil.example/", "https://evil.example/", `/\evil.example`, "\r\nX: y"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/console/login", strings.NewReader(url.Values{"token": {token}, "to": {to}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", server.URL)
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if location := answer.Header.Get("Location"); answer.StatusCode != http.StatusSeeOther || !strings.HasPrefix(location, "/console/") {
			t.Errorf("a login with to=%q leads to %q with status %d", to, location, answer.StatusCode)
		}
	}
}

func TestAConfigThatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config console.Config
		want   string
	}{
		"no broker":             {console.Config{}, "URL"},
		"a path without slash":  {console.Config{Broker: broker.Config{URL: "amqp://localhost"}, Path: "/console"}, "Path"},
		"a path with a pattern": {console.Config{Broker: broker.Config{URL: "amqp://localhost"}, Path: "/{x}/"}, "Path"},
		"a trace without id":    {console.Config{Broker: broker.Config{URL: "amqp://localhost"}, TraceURL: "https://tempo"}, "{trace}"},
		"a script as trace":     {console.Config{Broker: broker.Config{URL: "amqp://localhost"}, TraceURL: "javascript:{trace}"}, "http"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := console.New(tt.config); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New returned %v, want an error about %s", err, tt.want)
			}
		})
	}
}
