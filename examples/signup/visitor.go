package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// visitor uses the service as a person would, over HTTP.
type visitor struct {
	url    string
	client *http.Client
}

func newVisitor(url string) visitor {
	return visitor{url, &http.Client{Transport: &http.Transport{}}} // no proxy between us
}

// leave closes what the visitor's connections hold.
func (v visitor) leave() { v.client.CloseIdleConnections() }

// post sends the address to a page, and returns the account's id and the
// milliseconds that the service says it took.
func (v visitor) post(ctx context.Context, path, email string) (id string, took float64, err error) {
	var answer struct {
		ID     string  `json:"id"`
		TookMS float64 `json:"took_ms"`
	}
	form := url.Values{"email": {email}, "name": {"A Visitor"}}
	err = v.do(ctx, http.MethodPost, path, form.Encode(), http.StatusAccepted, &answer)
	return answer.ID, answer.TookMS, err
}

// see looks at the account's page, which must show all three as done.
func (v visitor) see(ctx context.Context, id string) error {
	var page struct {
		WelcomeSent      bool `json:"welcome_sent"`
		VerificationSent bool `json:"verification_sent"`
		Counted          bool `json:"counted"`
	}
	err := v.do(ctx, http.MethodGet, "/accounts/"+id, "", http.StatusOK, &page)
	if err == nil && !(page.WelcomeSent && page.VerificationSent && page.Counted) {
		err = fmt.Errorf("the account's page shows %+v, want all true", page)
	}
	return err
}

func (v visitor) do(ctx context.Context, method, path, form string, want int, answer any) (err error) {
	r, err := http.NewRequestWithContext(ctx, method, v.url+path, strings.NewReader(form))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := v.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != want {
		return fmt.Errorf("%s %s: %s, want %d", method, path, response.Status, want)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
