// Package playground validates what handlers take by the struct tags of
// go-playground/validator.
package playground

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"
)

// Error lists the fields that did not pass, as "Email: want email", in the order
// of the struct. It never shows a value: payloads may be private, and errors are
// logged and kept in the dead-letter queue. Keys of maps count as values.
type Error struct {
	Fields validator.ValidationErrors // what the validator found
}

// Error is the list, separated by "; ".
func (e *Error) Error() string {
	texts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		want := f.Tag()
		if f.Param() != "" {
			want += "=" + f.Param()
		}
		texts[i] = fieldName(f.Namespace()) + ": want " + want
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns what the validator found. Its text shows no values either, but
// keys of maps.
func (e *Error) Unwrap() error { return e.Fields }

// Validate returns a function for handler.WithValidate that checks structs, and
// pointers to them, by v; nil is a validator with required struct fields enabled.
// A nil pointer to a struct, such as JSON null makes, does not pass. Values of
// other kinds pass. The error is an *Error. The function is safe for concurrent
// use; like the validator it panics on a tag that does not exist.
func Validate(v *validator.Validate) func(any) error {
	if v == nil {
		v = validator.New(validator.WithRequiredStructEnabled())
	}
	return func(value any) error {
		rv := reflect.ValueOf(value)
		for rv.Kind() == reflect.Pointer && !rv.IsNil() {
			rv = rv.Elem()
		}
		if rv.Kind() == reflect.Pointer && rv.Type().Elem().Kind() == reflect.Struct {
			return fmt.Errorf("playground: value is nil, want a %v", rv.Type().Elem())
		}
		if rv.Kind() != reflect.Struct {
			return nil
		}
		return translate(v.Struct(rv.Interface()))
	}
}

func translate(err error) error {
	if _, ok := errors.AsType[*validator.InvalidValidationError](err); ok {
		return nil // a struct without fields to look at, such as time.Time
	}
	if fields, ok := errors.AsType[validator.ValidationErrors](err); ok {
		return &Error{fields}
	}
	return err
}

// fieldName is the namespace without the name of the struct, and without what
// stands in brackets unless it is an index.
func fieldName(namespace string) string {
	_, name, ok := strings.Cut(namespace, ".")
	if !ok {
		name = namespace
	}
	for from := 0; ; {
		open := strings.IndexByte(name[from:], '[')
		if open < 0 {
			return name
		}
		from += open + 1
		size := strings.IndexByte(name[from:], ']')
		if size > 0 && strings.Trim(name[from:from+size], "0123456789") == "" {
			continue
		}
		// A key may itself hold brackets and dots, so all up to the last one goes.
		return name[:from] + "…" + name[max(strings.LastIndexByte(name, ']'), from):]
	}
}
