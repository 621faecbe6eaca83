package service

import (
	"encoding/json"
	"strings"
	"testing"
)

// An accepted body is one object, and is equal after it is written and read again.
func FuzzABodyIsOneObjectOrRefused(f *testing.F) {
	for _, seed := range []string{
		`{"email":"a@example.com","name":"A","password":"x"}`, `{}`, ` {"name":"\ud83d"} `, `{}{}`, `[]`, `null`, `{"name":1}`, `{"x":""}`, "", "{\"name\":\"\xff\"}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		in, err := readJSON(strings.NewReader(body))
		if err != nil {
			return
		}
		if !json.Valid([]byte(body)) {
			t.Fatalf("readJSON accepts %q", body)
		}
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := readJSON(strings.NewReader(string(text))); again != in || err != nil {
			t.Errorf("%q is %+v, and then %+v, %v", body, in, again, err)
		}
	})
}
