package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/live"
)

// maxBody is the largest request body, in bytes. The longest valid input fits.
const maxBody = 8 << 10

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

// kind returns the request's content type without its parameters.
func kind(r *http.Request) string {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return mediaType
}

// read returns the input of a request. If the request is invalid, it answers with the reason
// and returns false.
func (s *service) read(w http.ResponseWriter, r *http.Request) (in account.Input, ok bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	var err error
	switch kind(r) {
	case asJSON:
		in, err = readJSON(r.Body)
	case asForm:
		err = r.ParseForm()
		in = account.Input{Email: r.PostForm.Get("email"), Name: r.PostForm.Get("name"), Password: r.PostForm.Get("password")}
	default:
		s.fail(w, r, http.StatusUnsupportedMediaType,
			fmt.Sprintf("Unsupported content type %q, want %s or %s.", r.Header.Get("Content-Type"), asJSON, asForm))
		return in, false
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		s.fail(w, r, http.StatusRequestEntityTooLarge, fmt.Sprintf("The body is too large, want at most %d bytes.", maxBody))
		return in, false
	}
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, fmt.Sprintf("Reading the body failed: %v.", err))
		return in, false
	}
	return in, true
}

// readJSON reads exactly one JSON object.
func readJSON(body io.Reader) (in account.Input, err error) {
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return in, err
	}
	switch _, err := dec.Token(); {
	case errors.Is(err, io.EOF):
		return in, nil
	case err != nil:
		return in, err
	}
	return in, errors.New("unexpected data after the JSON object")
}

// fail answers with the sentence why: on a page if the request follows a link.
func (s *service) fail(w http.ResponseWriter, r *http.Request, status int, why string) {
	if kind(r) == asForm || r.Method == http.MethodGet {
		s.render(w, status, live.Notice{Title: "The request failed", Text: why, Bad: true})
		return
	}
	s.json(w, status, map[string]string{"error": why})
}

// unavailable logs the error, and answers 503 with the sentence why.
func (s *service) unavailable(w http.ResponseWriter, r *http.Request, err error, why string) {
	s.Log.Error("service: request failed", "path", r.URL.Path, "error", err)
	w.Header().Set("Retry-After", "5")
	s.fail(w, r, http.StatusServiceUnavailable, why)
}

func (s *service) json(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", asJSON)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.Log.Warn("service: sending an answer failed", "error", err) // the visitor has disconnected
	}
}
