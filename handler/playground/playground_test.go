package playground_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"

	"github.com/warren-mq/warren/handler/playground"
)

type address struct {
	Street string `validate:"required"`
}

type user struct {
	Email    string            `validate:"omitempty,email"`
	Age      int               `validate:"omitempty,gte=18"`
	Home     *address          `validate:"omitempty"`
	Others   []address         `validate:"dive"`
	ByName   map[string]string `validate:"dive,len=1"`
	ByNumber map[string]user   `validate:"dive"`
}

func TestValidate(t *testing.T) {
	t.Parallel()
	const secret = "s3cret"
	for _, tt := range []struct {
		name  string
		value any
		want  string // the error's text
	}{
		{"a valid struct passes", user{Email: "a@example.com"}, ""},
		{"a valid pointer passes", &user{}, ""},
		{"the tag is what was wanted", user{Email: secret}, "Email: want email"},
		{"the tag's parameter too", user{Age: 3}, "Age: want gte=18"},
		{"all faults at once", &user{Email: secret, Age: 3}, "Email: want email; Age: want gte=18"},
		{"a nested field has its path", user{Home: &address{}}, "Home.Street: want required"},
		{"an element has its index", user{Others: []address{{"x"}, {}}}, "Others[1].Street: want required"},
		{"a key of a map is not shown", user{ByName: map[string]string{secret: "xx"}}, "ByName[…]: want len=1"},
		{"not with brackets in it", user{ByName: map[string]string{secret + "].[1].[" + secret: "xx"}}, "ByName[…]: want len=1"},
		{"not with digits before a bracket", user{ByName: map[string]string{"x]" + secret: "xx"}}, "ByName[…]: want len=1"},
		{"nor with a field behind it", user{ByNumber: map[string]user{secret: {Age: 3}}}, "ByNumber[…].Age: want gte=18"},
		{"nil for a struct does not pass", (*user)(nil), "playground: value is nil, want a playground_test.user"},
		{"text passes", secret, ""},
		{"bytes pass", []byte(secret), ""},
		{"a time passes", time.Time{}, ""},
		{"nil passes", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if err := playground.Validate(nil)(tt.value); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if strings.Contains(got, secret) {
				t.Errorf("%q shows a value", got)
			}
		})
	}
}

func TestTheFieldsCanBeInspected(t *testing.T) {
	t.Parallel()
	err := playground.Validate(validator.New())(user{Age: 3})
	fields, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok || len(fields) != 1 || fields[0].Field() != "Age" {
		t.Errorf("%#v, want the validator's error on Age", err)
	}
}
