package wire

import (
	"slices"
	"strings"
)

// Table is a field table. It preserves the order of the fields and duplicate names.
//
// A value has one of the types that RabbitMQ supports, listed with their tags: bool
// (t), int8 (b), uint8 (B), int16 (s), uint16 (u), int32 (I), uint32 (i), int64
// (l, and L where it is read), float32 (f), float64 (d), [Decimal] (D), string
// (S), []byte (x), [Timestamp] (T), []any (A), Table (F) and nil (V).
type Table []Field

// Field is an entry of a table.
type Field struct {
	Name  string // 255 bytes at most
	Value any
}

// Decimal is Value divided by ten to the power of Scale.
type Decimal struct {
	Scale uint8
	Value uint32
}

// Timestamp is a time in seconds since 1970.
type Timestamp uint64

// Get returns the value of the first field of the name.
func (t Table) Get(name string) (value any, ok bool) {
	if i := t.index(name); i >= 0 {
		return t[i].Value, true
	}
	return nil, false
}

// Set replaces the value of the first field of the name in place, or appends one,
// and returns the table.
func (t Table) Set(name string, value any) Table {
	if i := t.index(name); i >= 0 {
		t[i].Value = value
		return t
	}
	return append(t, Field{name, value})
}

// Delete removes all fields of the name in place and returns the table.
func (t Table) Delete(name string) Table {
	return slices.DeleteFunc(t, func(f Field) bool { return f.Name == name })
}

// Clone returns a shallow copy: the fields are copied and their values are shared.
func (t Table) Clone() Table { return slices.Clone(t) }

// Sorted reports whether the fields are sorted by name.
func (t Table) Sorted() bool { return slices.IsSortedFunc(t, byName) }

// Sort returns a copy with the fields sorted by name.
func (t Table) Sort() Table {
	t = t.Clone()
	slices.SortStableFunc(t, byName)
	return t
}

func byName(a, b Field) int { return strings.Compare(a.Name, b.Name) }

func (t Table) index(name string) int {
	return slices.IndexFunc(t, func(f Field) bool { return f.Name == name })
}

// TypeName returns RabbitMQ's name for the type of a table value, such as "longstr", or ""
// for an unsupported type.
func TypeName(value any) string {
	switch value.(type) {
	case nil:
		return "void"
	case bool:
		return "bool"
	case int8:
		return "byte"
	case uint8:
		return "unsignedbyte"
	case int16:
		return "short"
	case uint16:
		return "unsignedshort"
	case int32:
		return "signedint"
	case uint32:
		return "unsignedint"
	case int64:
		return "long"
	case float32:
		return "float"
	case float64:
		return "double"
	}
	return composedName(value)
}

func composedName(value any) string {
	switch value.(type) {
	case Decimal:
		return "decimal"
	case string:
		return "longstr"
	case []byte:
		return "binary"
	case Timestamp:
		return "timestamp"
	case []any:
		return "array"
	case Table:
		return "table"
	}
	return ""
}
