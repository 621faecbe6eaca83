package conformance_test

import (
	"encoding/binary"
	"strings"
)

// widths maps the type of a table value to its size in bytes. Values of all other types
// begin with their length.
var widths = map[byte]int{
	't': 1, 'b': 1, 'B': 1, 's': 2, 'u': 2, 'I': 4, 'i': 4, 'f': 4, 'l': 8, 'L': 8, 'd': 8, 'T': 8, 'D': 5, 'V': 0,
}

// order returns the names in a table in the order in which they are sent, each with the
// type of its value.
func (k *cursor) order() string {
	var all []string
	for fields := (&cursor{b: []byte(k.longString())}); len(fields.b) > 0; {
		all = append(all, fields.shortString()+":"+fields.valueOrder())
	}
	return strings.Join(all, " ")
}

// valueOrder reads a value and returns its type, and the order of names in it.
func (k *cursor) valueOrder() string {
	kind := k.octet()
	width, fixed := widths[kind]
	switch {
	case fixed:
		k.skip(width)
	case kind == 'F':
		return "{" + k.order() + "}"
	case kind == 'A':
		var all []string
		for values := (&cursor{b: []byte(k.longString())}); len(values.b) > 0; {
			all = append(all, values.valueOrder())
		}
		return "[" + strings.Join(all, " ") + "]"
	default:
		k.longString()
	}
	return string(kind)
}

// seeOrder fetches a message that has only headers, and notes their order.
func (r *raw) seeOrder(queue string) {
	r.t.Helper()
	r.send(1, "basic.get", uint16(0), r.at(queue), uint8(1))
	r.skip("basic.get-ok")
	_, _, header, err := r.read(patience)
	if err != nil || len(header) < 14 {
		r.notef("no header: %v", err)
		return
	}
	r.notef("%s", (&cursor{b: header[14:]}).order())
}

var orderScenarios = []scenario{
	{
		name: "headers keep their types, and on 4.x come sorted",
		do: func(c *client) {
			c.classic("q", nil)
			var headers []byte
			for _, name := range []string{"c", "a", "b"} {
				headers = appendField(appendArg(headers, name), name)
			}
			headers = append(appendArg(headers, "small"), 'b', 1)
			headers = append(appendArg(headers, "short"), 's', 0, 1)
			headers = append(appendArg(headers, "long"), 'l', 0, 0, 0, 0, 0, 0, 0, 1)
			r := c.rawOpen(0)
			r.send(1, "basic.publish", uint16(0), "", r.at("q"), uint8(0))
			properties := binary.BigEndian.AppendUint64([]byte{0, 60, 0, 0}, 0)
			r.frame(headerFrame, 1, appendArg(append(properties, 0x20, 0), headers))
			r.seeOrder("q")
		},
		want: "a:S b:S c:S long:l short:s small:b",
		differ: []difference{{
			versions: "3.10",
			want:     "c:S a:S b:S small:b short:s long:l",
			why:      "3.10 hands on the headers as they are",
		}},
	},
	{
		name: "what a death adds has an order, and all headers come sorted",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.classic("dead", nil)
				c.declare(kind, queue{args: c.deadTo("dead", table{"x-queue-type": kind})})
				c.sendHeaders(kind, "m", table{"z": "1"})
				ch := c.open()
				ch.consume(kind, consume{tag: kind}).take(1)
				ch.reject(1, drop)
				c.ready("dead", 1)
				c.rawOpen(0).seeOrder("dead")
			}
		},
		want: `
			classic: m
			x-death:[{count:l reason:S queue:S time:T exchange:S routing-keys:[S]}] x-first-death-exchange:S x-first-death-queue:S x-first-death-reason:S x-last-death-exchange:S x-last-death-queue:S x-last-death-reason:S z:S
			quorum: m
			x-death:[{count:l reason:S queue:S time:T exchange:S routing-keys:[S]}] x-first-death-exchange:S x-first-death-queue:S x-first-death-reason:S x-last-death-exchange:S x-last-death-queue:S x-last-death-reason:S z:S`,
		differ: []difference{{
			versions: "3.10",
			want: `
				classic: m
				x-death:[{count:l reason:S queue:S time:T exchange:S routing-keys:[S]}] x-first-death-exchange:S x-first-death-queue:S x-first-death-reason:S z:S
				quorum: m
				x-death:[{count:l reason:S queue:S time:T exchange:S routing-keys:[S]}] x-first-death-exchange:S x-first-death-queue:S x-first-death-reason:S z:S`,
			why: "x-last-death headers came with 3.13",
		}},
	},
}
