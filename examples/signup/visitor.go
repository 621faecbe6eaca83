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
	form := url.Values{"email": {email}, "name": {"A Visitor"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		ID     string  `json:"id"`
		TookMS float64 `json:"took_ms"`
	}
	err = v.do(r, http.StatusAccepted, &answer)
	return answer.ID, answer.TookMS, err
}

// see looks at the account's page, which must show all three as done.
func (v visitor) see(ctx context.Context, id string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.url+"/accounts/"+id, http.NoBody)
	if err != nil {
		return err
	}
	type done struct {
		WelcomeSent      bool `json:"welcome_sent"`
		VerificationSent bool `json:"verification_sent"`
		Counted          bool `json:"counted"`
	}
	var got done
	if err := v.do(r, http.StatusOK, &got); err != nil {
		return err
	}
	if got != (done{true, true, true}) {
		return fmt.Errorf("the account's page shows %+v, want all true", got)
	}
	return nil
}

func (v visitor) do(r *http.Request, want int, answer any) (err error) {
	response, err := v.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != want {
		return fmt.Errorf("%s %s: %s, want %d", r.Method, r.URL.Path, response.Status, want)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
