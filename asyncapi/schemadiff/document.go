package schemadiff

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// IsDocument reports whether text is an AsyncAPI document, and not a JSON Schema.
func IsDocument(text []byte) bool {
	value, err := decode("given", text)
	if err != nil {
		return false
	}
	document, _ := value.(map[string]any)
	return document["asyncapi"] != nil
}

// Documents compares two versions of an AsyncAPI document, 3.x. The messages of operations that
// receive are compared for a Consumer, and the messages of operations that send for a Producer:
//
//   - operations, channels and messages that are missing are breaking, and new ones are compatible;
//   - replies are compared for the other side, because the reply to a message that is received is sent. A
//     reply that is removed from an operation that receives is breaking, and so is a new one of an
//     operation that sends. An additional reply message of an operation that receives is breaking, because
//     callers may not know it. For an operation that sends it is compatible, and a missing one is breaking;
//   - another address, exchange or queue of a channel is breaking, and so is another content type;
//   - payloads and headers are compared as Schemas compares them. Traits are ignored.
//
// Servers, titles, descriptions and extensions are ignored. Payloads in other formats than JSON Schema and
// AsyncAPI's own are breaking if they change. The error says that a version is not an AsyncAPI
// document, or that a reference leads nowhere.
func Documents(old, next []byte) ([]Change, error) {
	a, err := document("old", old)
	if err != nil {
		return nil, err
	}
	b, err := document("new", next)
	if err != nil {
		return nil, err
	}
	c := newComparison(a, b, Both)
	c.pairs("/channels", "the channel", objectAt(a, "channels"), objectAt(b, "channels"), c.channels)
	c.pairs("/operations", "the operation", objectAt(a, "operations"), objectAt(b, "operations"), c.operations)
	return c.sorted()
}

func document(version string, text []byte) (map[string]any, error) {
	value, err := decode(version, text)
	if err != nil {
		return nil, err
	}
	d, _ := value.(map[string]any)
	if v, _ := d["asyncapi"].(string); !strings.HasPrefix(v, "3.") {
		return nil, fmt.Errorf("schemadiff: the %s version is not an AsyncAPI document of version 3 (got %q)", version, v)
	}
	return d, nil
}

func objectAt(o map[string]any, key string) map[string]any {
	value, _ := o[key].(map[string]any)
	return value
}

// pairs compares what both versions have by the same key.
func (c *comparison) pairs(path, what string, old, next map[string]any, compare func(path string, old, next map[string]any)) {
	added, removed := same, other
	if c.replying { // the other side cannot choose which of the messages it gets
		added, removed = more, fewer
	}
	for _, key := range keys(old, next) {
		at := join(path, key)
		_, hasOld := old[key]
		_, hasNew := next[key]
		switch {
		case !hasOld:
			c.addf(at, added, "%s is new", what)
		case !hasNew:
			c.addf(at, removed, "%s is removed", what)
		default:
			if a, b, ok := c.resolved(old[key], next[key]); ok {
				compare(at, a, b)
			}
		}
	}
}

// resolved returns the objects that two values are or refer to.
func (c *comparison) resolved(old, next any) (a, b map[string]any, ok bool) {
	x, err := resolve(c.old, old)
	y, err2 := resolve(c.next, next)
	c.fault(err)
	c.fault(err2)
	a, _ = x.(map[string]any)
	b, _ = y.(map[string]any)
	return a, b, err == nil && err2 == nil
}

// channels compares where two channels are. Their messages belong to the operations.
func (c *comparison) channels(path string, old, next map[string]any) {
	c.equal(path, "address", old, next)
	a, b := objectAt(objectAt(old, "bindings"), "amqp"), objectAt(objectAt(next, "bindings"), "amqp")
	path += "/bindings/amqp"
	c.equal(path, "is", a, b)
	for _, part := range []string{"exchange", "queue"} {
		for _, field := range []string{"name", "type", "vhost"} {
			c.equal(join(path, part), field, objectAt(a, part), objectAt(b, part))
		}
	}
}

func (c *comparison) equal(path, key string, old, next map[string]any) {
	if !reflect.DeepEqual(old[key], next[key]) {
		c.addf(join(path, key), other, "%s is %s now, and was %s", key, text(next[key]), text(old[key]))
	}
}

func (c *comparison) operations(path string, old, next map[string]any) {
	c.equal(path, "action", old, next)
	c.equal(path, "channel", old, next)
	switch old["action"] {
	case "receive":
		c.side = Consumer
	case "send":
		c.side = Producer
	}
	c.pairs(path+"/messages", "the message", c.messagesOf(c.old, old), c.messagesOf(c.next, next), c.messages)
	c.reply(path+"/reply", old["reply"], next["reply"])
	c.side = Both
}

// reply compares the replies of an operation. Their direction is the opposite of the operation's.
func (c *comparison) reply(path string, old, next any) {
	c.side, c.replying = c.side.reversed(), true
	defer func() { c.replying = false }()
	switch {
	case old == nil && next == nil:
	case old == nil: // as a required property: it must be sent, and is awaited
		c.addf(path, fewer, "the reply is new")
	case next == nil:
		c.addf(path, more, "the reply is removed")
	default:
		if a, b, ok := c.resolved(old, next); ok {
			c.replies(path, a, b)
		}
	}
}

func (c *comparison) replies(path string, old, next map[string]any) {
	c.equal(path, "channel", old, next)
	if a, b, ok := c.resolved(old["address"], next["address"]); ok {
		c.equal(path+"/address", "location", a, b)
	}
	c.pairs(path+"/messages", "the message", c.messagesOf(c.old, old), c.messagesOf(c.next, next), c.messages)
}

// reversed returns the side of the programs that exchange messages with a program on side s.
func (s Side) reversed() Side {
	switch s {
	case Consumer:
		return Producer
	case Producer:
		return Consumer
	case Both:
	}
	return Both
}

// messagesOf returns the messages of an operation by their key. Without a list, an operation has all
// messages of its channel.
func (c *comparison) messagesOf(root any, operation map[string]any) map[string]any {
	all, listed := operation["messages"].([]any)
	if !listed {
		channel, err := resolve(root, operation["channel"])
		c.fault(err)
		o, _ := channel.(map[string]any)
		return objectAt(o, "messages")
	}
	found := make(map[string]any, len(all))
	for i, one := range all {
		key := strconv.Itoa(i)
		if o, ok := one.(map[string]any); ok {
			if ref, ok := o["$ref"].(string); ok {
				key = ref[strings.LastIndexByte(ref, '/')+1:]
			}
		}
		found[key] = one
	}
	return found
}

func (c *comparison) messages(path string, old, next map[string]any) {
	before := c.side
	c.side = Both
	c.equal(path, "contentType", old, next)
	c.side = before
	c.compared = make(map[pair]bool) // each message shows the changes of the types that it shares
	for _, part := range []string{"payload", "headers"} {
		a, format, err := schemaAndFormat(c.old, old[part])
		b, format2, err2 := schemaAndFormat(c.next, next[part])
		c.fault(err)
		c.fault(err2)
		switch at := join(path, part); {
		case err != nil || err2 != nil:
		case isJSONSchema(format) && isJSONSchema(format2):
			c.schemas(at, a, b)
		case format != format2 || !reflect.DeepEqual(a, b):
			c.addf(at, other, "the schema has changed, whose format is %s", format2)
		}
	}
}

// schemaAndFormat returns a schema and its format, which is empty for AsyncAPI's own.
func schemaAndFormat(root, value any) (schema any, format string, err error) {
	resolved, err := resolve(root, value)
	o, _ := resolved.(map[string]any)
	if format, ok := o["schemaFormat"].(string); ok {
		return orTrue(o["schema"]), format, err
	}
	return orTrue(value), "", err
}

func isJSONSchema(format string) bool {
	return format == "" || strings.HasPrefix(format, "application/schema+") || strings.HasPrefix(format, "application/vnd.aai.asyncapi")
}
