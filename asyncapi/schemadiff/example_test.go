package schemadiff_test

import (
	"fmt"

	"github.com/warren-mq/warren/asyncapi/schemadiff"
)

// A consumer may accept one value more. A producer may not send it yet.
func ExampleSchemas() {
	old, next := []byte(`{"enum": ["EUR", "USD"]}`), []byte(`{"enum": ["EUR", "USD", "GBP"]}`)
	for _, side := range []schemadiff.Side{schemadiff.Consumer, schemadiff.Producer} {
		changes, err := schemadiff.Schemas(old, next, side)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, c := range changes {
			fmt.Println(c.Breaking, c.Path, c.Text)
		}
	}
	// Output:
	// false /enum the value "GBP" is accepted now
	// true /enum the value "GBP" is accepted now
}

// Two versions of what "runner asyncapi" prints: an operation is missing in the second one.
func ExampleDocuments() {
	old := []byte(`{"asyncapi": "3.0.0", "channels": {"mail": {"address": "mail"}}, "operations": {
		"receive.mail": {"action": "receive", "channel": {"$ref": "#/channels/mail"}}}}`)
	next := []byte(`{"asyncapi": "3.0.0"}`)
	fmt.Println(schemadiff.IsDocument(old))
	changes, err := schemadiff.Documents(old, next)
	for _, c := range changes {
		fmt.Println(c.Breaking, c.Path, c.Text)
	}
	fmt.Println(err)
	// Output:
	// true
	// true /channels/mail the channel is removed
	// true /operations/receive.mail the operation is removed
	// <nil>
}
