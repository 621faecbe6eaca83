package conformance_test

import (
	amqp "github.com/rabbitmq/amqp091-go"
)

// matching binds a queue for each name with the given arguments, and publishes a message
// with each of the headers.
func (c *client) matching(bindings []table, published ...table) {
	c.exchange("x", "headers", exchange{})
	var queues []string
	for _, b := range bindings {
		q := "[" + fields(b) + "]"
		c.classic(q, nil)
		c.bind(q, "x", "", b)
		queues = append(queues, q)
	}
	for _, h := range published {
		c.reaches("x", "{"+fields(h)+"}", amqp.Publishing{Headers: h}, queues...) // the key is ignored
	}
}

var headersScenarios = []scenario{
	{
		name: "x-match says whether all headers must match or any",
		do: func(c *client) {
			c.matching([]table{
				{"x-match": "all", "a": "1", "b": "2"},
				{"x-match": "any", "a": "1", "b": "2"},
				{"a": "1", "b": "2"},
			},
				table{"a": "1", "b": "2"}, table{"a": "1", "b": "2", "c": "3"}, table{"a": "1"}, table{"a": "1", "b": "0"},
				table{"a": "0", "b": "0"}, table{"c": "3"}, table{},
			)
		},
		want: `
			{a="1" b="2"}: [a="1" b="2" x-match="all"] [a="1" b="2" x-match="any"] [a="1" b="2"]
			{a="1" b="2" c="3"}: [a="1" b="2" x-match="all"] [a="1" b="2" x-match="any"] [a="1" b="2"]
			{a="1"}: [a="1" b="2" x-match="any"]
			{a="1" b="0"}: [a="1" b="2" x-match="any"]
			{a="0" b="0"}: no queue
			{c="3"}: no queue
			{}: no queue`,
	},
	{
		name: "headers that begin with x- count only where x-match says so",
		do: func(c *client) {
			c.matching([]table{
				{"x-match": "all", "a": "1", "x-b": "2"},
				{"x-match": "any", "a": "1", "x-b": "2"},
				{"x-match": "all-with-x", "a": "1", "x-b": "2"},
				{"x-match": "any-with-x", "a": "1", "x-b": "2"},
			},
				table{"a": "1", "x-b": "2"}, table{"a": "1"}, table{"x-b": "2"}, table{"a": "1", "x-b": "0"}, table{},
			)
		},
		want: `
			{a="1" x-b="2"}: [a="1" x-b="2" x-match="all"] [a="1" x-b="2" x-match="any"] [a="1" x-b="2" x-match="all-with-x"] [a="1" x-b="2" x-match="any-with-x"]
			{a="1"}: [a="1" x-b="2" x-match="all"] [a="1" x-b="2" x-match="any"] [a="1" x-b="2" x-match="any-with-x"]
			{x-b="2"}: [a="1" x-b="2" x-match="any-with-x"]
			{a="1" x-b="0"}: [a="1" x-b="2" x-match="all"] [a="1" x-b="2" x-match="any"] [a="1" x-b="2" x-match="any-with-x"]
			{}: no queue`,
	},
	{
		name: "a binding without headers matches all, or none where any is wanted",
		do: func(c *client) {
			c.matching([]table{{}, {"x-match": "all"}, {"x-match": "any"}, {"x-match": "all-with-x"}, {"x-match": "any-with-x"}},
				table{"a": "1"}, table{},
			)
		},
		want: `
			{a="1"}: [] [x-match="all"] [x-match="all-with-x"]
			{}: [] [x-match="all"] [x-match="all-with-x"]`,
	},
	{
		name: "types count as well as values, but not the width of a number",
		do: func(c *client) {
			c.matching([]table{
				{"a": "1"}, {"a": int32(1)}, {"a": int64(1)}, {"a": true}, {"a": float64(1)}, {"a": nil},
			},
				table{"a": "1"}, table{"a": int32(1)}, table{"a": int64(1)}, table{"a": int16(1)}, table{"a": byte(1)},
				table{"a": true}, table{"a": float64(1)}, table{"a": nil},
			)
		},
		want: `
			{a="1"}: [a="1"] [a=<nil>]
			{a=int32(1)}: [a=int32(1)] [a=int64(1)] [a=<nil>]
			{a=int64(1)}: [a=int32(1)] [a=int64(1)] [a=<nil>]
			{a=int16(1)}: [a=int32(1)] [a=int64(1)] [a=<nil>]
			{a=uint8(1)}: [a=int32(1)] [a=int64(1)] [a=<nil>]
			{a=true}: [a=true] [a=<nil>]
			{a=float64(1)}: [a=float64(1)] [a=<nil>]
			{a=<nil>}: [a=<nil>]`,
		differ: []difference{{
			versions: "3.10",
			want: `
				{a="1"}: [a="1"] [a=<nil>]
				{a=int32(1)}: [a=int32(1)] [a=int64(1)] [a=float64(1)] [a=<nil>]
				{a=int64(1)}: [a=int32(1)] [a=int64(1)] [a=float64(1)] [a=<nil>]
				{a=int16(1)}: [a=int32(1)] [a=int64(1)] [a=float64(1)] [a=<nil>]
				{a=uint8(1)}: [a=int32(1)] [a=int64(1)] [a=float64(1)] [a=<nil>]
				{a=true}: [a=true] [a=<nil>]
				{a=float64(1)}: [a=int32(1)] [a=int64(1)] [a=float64(1)] [a=<nil>]
				{a=<nil>}: [a=<nil>]`,
			why: "3.10 compares numbers as Erlang's == does, later brokers as its =:= does",
		}},
	},
	{
		name: "a header without a value asks for its presence alone",
		do: func(c *client) {
			c.matching([]table{{"a": nil, "x-match": "all"}, {"a": nil, "b": nil, "x-match": "any"}},
				table{"a": "1"}, table{"b": int32(1)}, table{"a": nil}, table{"c": "1"},
			)
		},
		want: `
			{a="1"}: [a=<nil> x-match="all"] [a=<nil> b=<nil> x-match="any"]
			{b=int32(1)}: [a=<nil> b=<nil> x-match="any"]
			{a=<nil>}: [a=<nil> x-match="all"] [a=<nil> b=<nil> x-match="any"]
			{c="1"}: no queue`,
	},
	{
		name: "a wrong x-match is refused",
		do: func(c *client) {
			c.exchange("x", "headers", exchange{})
			c.classic("q", nil)
			for _, v := range []any{"some", "", int32(1), true, nil} {
				c.attempt(value(v), func(ch *channel) { ch.bind("q", "x", "", table{"x-match": v}) })
			}
		},
		want: `
			"some": channel closed, 406 PRECONDITION_FAILED - Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x
			"": channel closed, 406 PRECONDITION_FAILED - Invalid x-match field value <<>>; expected all, any, all-with-x, or any-with-x
			int32(1): channel closed, 406 PRECONDITION_FAILED - Invalid x-match field type signedint (value 1); expected longstr
			true: channel closed, 406 PRECONDITION_FAILED - Invalid x-match field type bool (value true); expected longstr
			<nil>: channel closed, 406 PRECONDITION_FAILED - Invalid x-match field type void (value undefined); expected longstr`,
	},
	{
		name: "the key of a headers binding is ignored, and its message's too",
		do: func(c *client) {
			c.exchange("x", "headers", exchange{})
			c.classic("q", nil)
			c.bind("q", "x", "k", table{"a": "1"})
			c.reaches("x", "other", amqp.Publishing{Headers: table{"a": "1"}}, "q")
			c.reaches("x", "k", amqp.Publishing{}, "q")
		},
		want: `
			other: q
			k: no queue`,
	},
	{
		name: "a message without headers is one with none",
		do: func(c *client) {
			c.exchange("x", "headers", exchange{})
			c.classic("q", nil)
			c.bind("q", "x", "", table{"x-match": "all"})
			c.reaches("x", "", amqp.Publishing{}, "q")
		},
		want: ": q",
	},
}
