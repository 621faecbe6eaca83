package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// values are the arguments of an action: the fields of a form, or the members of a JSON object.
type values map[string]string

// read reads the arguments of a request.
func read(r *http.Request) (values, error) {
	v := make(values)
	if !isJSON(r) {
		if err := r.ParseForm(); err != nil {
			return v, invalid(err)
		}
		for name, all := range r.PostForm {
			v[name] = unixLines(strings.Join(all, ","))
		}
		return v, v.check()
	}
	var object map[string]any
	d := json.NewDecoder(r.Body)
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		return v, invalid(fmt.Errorf("console: the body is not a JSON object: %w", err))
	}
	for name, value := range object {
		switch value := value.(type) {
		case string:
			v[name] = value
		case json.Number, bool:
			v[name] = fmt.Sprint(value)
		case nil:
		default: // a body or headers as they are
			text, err := json.Marshal(value)
			if err != nil {
				return v, invalid(err)
			}
			v[name] = string(text)
		}
	}
	return v, v.check()
}

func (v values) check() error {
	for name, value := range v {
		if !utf8.ValidString(value) {
			return invalid(fmt.Errorf("console: %q is not UTF-8", shorten(name, 40)))
		}
	}
	return nil
}

// logged returns the arguments for the log, without those that may be long or secret.
func (v values) logged(r *http.Request) (args []any) {
	for _, name := range []string{"queue", "process", "id"} {
		if value := r.PathValue(name); value != "" {
			args = append(args, name, line(value))
		}
	}
	for _, name := range []string{"id", "filter", "process", "concurrency", "verdict", "level", "group", "schedule", "rate", "canary", "exchange", "key"} {
		if value := v[name]; value != "" && !slices.Contains(args, any(name)) {
			args = append(args, name, line(value))
		}
	}
	return args
}

// number returns a whole number from least to most. A missing one is least.
func (v values) number(name string, least, most int) (int, error) {
	text := strings.TrimSpace(v[name])
	if text == "" {
		return least, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, invalid(fmt.Errorf("console: %s is %q, want a number from %d to %d", name, shorten(text, 40), least, most))
	}
	return n, nil
}

// rate returns a number a second. A missing one is 0.
func (v values) rate(name string) (float64, error) {
	text := strings.TrimSpace(v[name])
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0) || n > 1e6 {
		return 0, invalid(fmt.Errorf("console: %s is %q, want a number of messages a second", name, shorten(text, 40)))
	}
	return n, nil
}

// duration returns a duration such as 90s. A missing one is 0.
func (v values) duration(name string, most time.Duration) (time.Duration, error) {
	text := strings.TrimSpace(v[name])
	if text == "" {
		return 0, nil
	}
	if n, err := strconv.Atoi(text); err == nil {
		text = strconv.Itoa(n) + "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > most {
		return 0, invalid(fmt.Errorf("console: %s is %q, want a duration such as 30s or 5m, at most %v", name, shorten(text, 40), most))
	}
	return d, nil
}

// need returns an argument that must not be empty.
func (v values) need(name string) (string, error) {
	if v[name] == "" {
		return "", invalid(errors.New("console: " + name + " is empty"))
	}
	return v[name], nil
}
