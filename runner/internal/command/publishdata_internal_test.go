package command

import "testing"

func TestTheContentTypeIsThatOfTheBody(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ asked, body, want string }{
		"JSON":                       {"", `{"a":1}`, "application/json"},
		"text":                       {"", "hello", "text/plain; charset=utf-8"},
		"neither":                    {"", "\xff\xfe", "application/octet-stream"},
		"what is asked for wins":     {"text/csv", `{"a":1}`, "text/csv"},
		"an empty body is text":      {"", "", "text/plain; charset=utf-8"},
		"a bare number is JSON, too": {"", "7", "application/json"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := contentType(tt.asked, []byte(tt.body)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
