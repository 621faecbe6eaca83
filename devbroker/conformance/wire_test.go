package conformance_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// methodID is the number of a method in its class.
type methodID struct{ class, method uint16 }

// methods maps the protocol's methods to their names.
var methods = map[methodID]string{
	{10, 10}: "connection.start", {10, 11}: "connection.start-ok", {10, 20}: "connection.secure",
	{10, 21}: "connection.secure-ok", {10, 30}: "connection.tune", {10, 31}: "connection.tune-ok",
	{10, 40}: "connection.open", {10, 41}: "connection.open-ok", {10, 50}: "connection.close",
	{10, 51}: "connection.close-ok", {10, 60}: "connection.blocked", {10, 61}: "connection.unblocked",
	{10, 70}: "connection.update-secret", {10, 71}: "connection.update-secret-ok",
	{20, 10}: "channel.open", {20, 11}: "channel.open-ok", {20, 20}: "channel.flow", {20, 21}: "channel.flow-ok",
	{20, 40}: "channel.close", {20, 41}: "channel.close-ok",
	{30, 10}: "access.request", {30, 11}: "access.request-ok",
	{40, 10}: "exchange.declare", {40, 11}: "exchange.declare-ok", {40, 20}: "exchange.delete",
	{40, 21}: "exchange.delete-ok", {40, 30}: "exchange.bind", {40, 31}: "exchange.bind-ok",
	{40, 40}: "exchange.unbind", {40, 51}: "exchange.unbind-ok",
	{50, 10}: "queue.declare", {50, 11}: "queue.declare-ok", {50, 20}: "queue.bind", {50, 21}: "queue.bind-ok",
	{50, 30}: "queue.purge", {50, 31}: "queue.purge-ok", {50, 40}: "queue.delete", {50, 41}: "queue.delete-ok",
	{50, 50}: "queue.unbind", {50, 51}: "queue.unbind-ok",
	{60, 10}: "basic.qos", {60, 11}: "basic.qos-ok", {60, 20}: "basic.consume", {60, 21}: "basic.consume-ok",
	{60, 30}: "basic.cancel", {60, 31}: "basic.cancel-ok", {60, 40}: "basic.publish", {60, 50}: "basic.return",
	{60, 60}: "basic.deliver", {60, 70}: "basic.get", {60, 71}: "basic.get-ok", {60, 72}: "basic.get-empty",
	{60, 80}: "basic.ack", {60, 90}: "basic.reject", {60, 100}: "basic.recover-async", {60, 110}: "basic.recover",
	{60, 111}: "basic.recover-ok", {60, 120}: "basic.nack",
	{85, 10}: "confirm.select", {85, 11}: "confirm.select-ok",
	{90, 10}: "tx.select", {90, 11}: "tx.select-ok", {90, 20}: "tx.commit", {90, 21}: "tx.commit-ok",
	{90, 30}: "tx.rollback", {90, 31}: "tx.rollback-ok",
}

// appendArg encodes an argument by its Go type: a string as a short string, bytes as a long
// string.
func appendArg(b []byte, arg any) []byte {
	switch v := arg.(type) {
	case uint8:
		return append(b, v)
	case uint16:
		return binary.BigEndian.AppendUint16(b, v)
	case uint32:
		return binary.BigEndian.AppendUint32(b, v)
	case uint64:
		return binary.BigEndian.AppendUint64(b, v)
	case string:
		return append(append(b, byte(len(v))), v...)
	case []byte:
		return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
	case table:
		var t []byte
		for name, field := range v {
			t = appendField(appendArg(t, name), field)
		}
		return appendArg(b, t)
	}
	panic(fmt.Sprintf("cannot encode %T", arg))
}

// appendField encodes a table value. It supports only some of the types.
func appendField(b []byte, field any) []byte {
	switch v := field.(type) {
	case bool:
		if v {
			return append(b, 't', 1)
		}
		return append(b, 't', 0)
	case string:
		return appendArg(append(b, 'S'), []byte(v))
	case int32:
		return appendArg(append(b, 'I'), uint32(v))
	case table:
		return appendArg(append(b, 'F'), v)
	}
	panic(fmt.Sprintf("cannot encode the field %T", field))
}

// cursor decodes a payload from left to right.
type cursor struct{ b []byte }

func (k *cursor) skip(n int) []byte {
	n = min(n, len(k.b))
	skipped := k.b[:n]
	k.b = k.b[n:]
	return skipped
}

func (k *cursor) octet() uint8   { return k.skip(1)[0] }
func (k *cursor) short() uint16  { return binary.BigEndian.Uint16(k.skip(2)) }
func (k *cursor) long() uint32   { return binary.BigEndian.Uint32(k.skip(4)) }
func (k *cursor) long64() uint64 { return binary.BigEndian.Uint64(k.skip(8)) }

func (k *cursor) shortString() string { return string(k.skip(int(k.octet()))) }
func (k *cursor) longString() string  { return string(k.skip(int(k.long()))) }

// method reads the two numbers of a method and returns its name.
func (k *cursor) method() string {
	id := methodID{k.short(), k.short()}
	if name, ok := methods[id]; ok {
		return name
	}
	return fmt.Sprintf("method %d.%d", id.class, id.method)
}

// arguments describes the arguments of a method, if they matter.
func (k *cursor) arguments(method string) string {
	switch method {
	case "connection.start":
		version := fmt.Sprintf("%d-%d", k.octet(), k.octet())
		k.longString() // the server's properties
		mechanisms := strings.Fields(k.longString())
		slices.Sort(mechanisms)
		return fmt.Sprintf(" %s, mechanisms %q, locales %q", version, mechanisms, k.longString())
	case "connection.tune":
		return fmt.Sprintf(" channel-max %d, frame-max %d, heartbeat %d", k.short(), k.long(), k.short())
	case "connection.close", "channel.close":
		return fmt.Sprintf(" %d %s (%s)", k.short(), k.shortString(), k.method())
	case "channel.flow-ok":
		return fmt.Sprintf(" active=%d", k.octet())
	case "queue.declare-ok":
		return fmt.Sprintf(" %s, %d messages, %d consumers", k.shortString(), k.long(), k.long())
	case "queue.delete-ok", "queue.purge-ok":
		return fmt.Sprintf(" %d messages", k.long())
	case "basic.consume-ok", "basic.cancel", "basic.cancel-ok":
		return " " + k.shortString()
	case "basic.return":
		return fmt.Sprintf(" %d %s, exchange %q, key %q", k.short(), k.shortString(), k.shortString(), k.shortString())
	case "basic.deliver":
		return fmt.Sprintf(" to %s, tag %d, redelivered=%d, exchange %q, key %q",
			k.shortString(), k.long64(), k.octet(), k.shortString(), k.shortString())
	case "basic.get-ok":
		return fmt.Sprintf(" tag %d, redelivered=%d, exchange %q, key %q, %d more",
			k.long64(), k.octet(), k.shortString(), k.shortString(), k.long())
	case "basic.ack":
		return fmt.Sprintf(" tag %d, multiple=%d", k.long64(), k.octet())
	case "basic.nack":
		return fmt.Sprintf(" tag %d, flags=%d", k.long64(), k.octet())
	}
	return ""
}
