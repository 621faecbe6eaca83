package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
)

// maxBody is the largest request body, in bytes; the longest account fits four times.
const maxBody = 4 << 10

// input is what a visitor sends, as JSON or as a form.
type input struct {
	Email string `json:"email"`
	Name  string `json:"name"`
}

// read returns the input of a request, or answers what is wrong with it.
func (s *service) read(w http.ResponseWriter, r *http.Request) (in input, ok bool) {
	if r.ContentLength > maxBody {
		s.tooLarge(w)
		return in, false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody) // a chunked body has no length
	var err error
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind {
	case "application/json":
		in, err = readJSON(r.Body)
	case "application/x-www-form-urlencoded":
		err = r.ParseForm()
		in = input{r.PostForm.Get("email"), r.PostForm.Get("name")}
	default:
		s.fail(w, http.StatusUnsupportedMediaType, fmt.Sprintf(
			"the content type is %q, want application/json or application/x-www-form-urlencoded", r.Header.Get("Content-Type")))
		return in, false
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		s.tooLarge(w)
		return in, false
	}
	if err != nil {
		s.fail(w, http.StatusBadRequest, fmt.Sprintf("the body cannot be read: %v", err))
		return in, false
	}
	return in, true
}

// readJSON reads exactly one object.
func readJSON(body io.Reader) (in input, err error) {
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
	return in, errors.New("there is more after the JSON object")
}

func (s *service) tooLarge(w http.ResponseWriter) {
	s.fail(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is too large, want at most %d bytes", maxBody))
}
