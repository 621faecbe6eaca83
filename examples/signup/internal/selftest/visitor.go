package selftest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
)

// signUp signs up the address at the path. It returns the id of the account, and the duration
// that the service reports.
func (s *story) signUp(ctx context.Context, path, address string) (id string, took time.Duration, err error) {
	body := fmt.Sprintf(`{"email": %q, "name": "A Visitor", "password": "correct horse battery"}`, address)
	var answer struct {
		ID     string  `json:"id"`
		TookMS float64 `json:"took_ms"`
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.demo.Site()+path, strings.NewReader(body))
	if err != nil {
		return "", 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	err = s.send(r, http.StatusCreated, func(body io.Reader) error { return json.NewDecoder(body).Decode(&answer) })
	return answer.ID, time.Duration(answer.TookMS * float64(time.Millisecond)), err
}

// follow follows the link in the mail of the kind.
func (s *story) follow(ctx context.Context, mails []live.Mail, kind string) error {
	for _, m := range mails {
		if m.Kind != kind || len(m.Links) == 0 {
			continue
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.Links[0], http.NoBody)
		if err != nil {
			return err
		}
		return s.send(r, http.StatusOK, func(io.Reader) error { return nil })
	}
	return fmt.Errorf("no %s mail with a link among %+v", kind, mails)
}

func (s *story) send(r *http.Request, want int, read func(io.Reader) error) (err error) {
	answer, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if answer.StatusCode != want {
		return fmt.Errorf("%s %s: %s, want %d", r.Method, r.URL.Path, answer.Status, want)
	}
	return read(answer.Body)
}
