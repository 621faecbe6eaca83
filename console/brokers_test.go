package console_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/console"
)

// TestConsolesOfSeveralBrokersLinkToEachOther, and have one login.
func TestConsolesOfSeveralBrokersLinkToEachOther(t *testing.T) {
	t.Parallel()
	links := []console.Link{{Name: "blue", Path: "/console/"}, {Name: "green", Path: "/console/broker/green/"}}
	mux := http.NewServeMux()
	for _, link := range links {
		c, err := console.New(console.Config{
			Broker: broker.Config{URL: "amqp://127.0.0.1:1"}, Path: link.Path, Brokers: links,
			Token: func() (string, error) { return token, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		mux.Handle(link.Path, c)
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	get := func(path string) string { return text(t, client, http.MethodGet, server.URL+path, nil) }
	if page := get("/console/broker/green/queues"); !strings.Contains(page, `name="token"`) || strings.Contains(page, "blue") {
		t.Errorf("a visitor without a login sees\n%s\nwant the login page without the brokers", page)
	}
	text(t, client, http.MethodPost, server.URL+"/console/login", url.Values{"token": {token}, "user": {"ann"}})
	for path, want := range map[string]string{
		"/console/queues":              `<a href="/console/" aria-current="true">blue</a>`,
		"/console/broker/green/queues": `<a href="/console/broker/green/" aria-current="true">green</a>`,
	} {
		page := get(path)
		if !strings.Contains(page, want) || strings.Count(page, `aria-current="true"`) != 1 || !strings.Contains(page, "ann") {
			t.Errorf("%s shows\n%s\nwant both brokers, and %q", path, page, want)
		}
	}
	text(t, client, http.MethodPost, server.URL+"/console/broker/green/logout", nil)
	if page := get("/console/queues"); !strings.Contains(page, `name="token"`) {
		t.Errorf("after the logout at another broker, the page is\n%s\nwant the login page", page)
	}
}

// text sends a form as a page of the console does, follows redirects, and returns the page.
func text(t *testing.T, client *http.Client, method, address string, form url.Values) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestTheConsoleIsAmongItsBrokers(t *testing.T) {
	t.Parallel()
	for want, links := range map[string][]console.Link{
		"want this console among them": {{Name: "green", Path: "/console/broker/green/"}},
		"want a path such as":          {{Name: "blue", Path: "/console/"}, {Name: "green", Path: "green"}},
	} {
		err := console.Config{Broker: broker.Config{URL: "amqp://127.0.0.1:1"}, Brokers: links}.Validate()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate returned %v, want %q in it", err, want)
		}
	}
}
