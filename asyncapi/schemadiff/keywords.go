package schemadiff

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// schemas compares two schemas at a path. A missing schema is true, which accepts everything.
func (c *comparison) schemas(path string, old, next any) {
	a, err := chain(c.old, old)
	b, err2 := chain(c.next, next)
	if err != nil || err2 != nil {
		c.fault(err)
		c.fault(err2)
		return
	}
	c.resolvedSchemas(path, a[len(a)-1], b[len(b)-1])
	for i := range max(len(a), len(b)) - 1 {
		x, y := beside(a, i), beside(b, i)
		if !c.seen(x, y, true) {
			c.objects(path, without(x, "$ref"), without(y, "$ref"))
		}
	}
}

// resolvedSchemas compares two schemas that are not references.
func (c *comparison) resolvedSchemas(path string, old, next any) {
	x, refusesAll := object(old)
	y, refusesAll2 := object(next)
	switch {
	case refusesAll && refusesAll2:
	case refusesAll:
		c.addf(path, more, "values are accepted now")
	case refusesAll2:
		c.addf(path, fewer, "no value is accepted any more")
	case !c.seen(x, y, false):
		c.objects(path, x, y)
	}
}

// pair identifies two schemas by their objects.
type pair struct {
	old, next      uintptr
	beside, forced bool
}

// seen reports whether the two objects were compared before, as parts of a type that contains itself
// or is used twice. With beside, only the keywords beside their references are compared.
func (c *comparison) seen(old, next map[string]any, beside bool) bool {
	p := pair{reflect.ValueOf(old).Pointer(), reflect.ValueOf(next).Pointer(), beside, c.forced}
	was := c.compared[p]
	c.compared[p] = true
	return was
}

// beside returns the schema of a chain that has the reference i, and nil if the chain is shorter. The
// keywords beside a reference also apply since draft 2019-09.
func beside(chain []any, i int) map[string]any {
	if i >= len(chain)-1 {
		return nil
	}
	o, _ := chain[i].(map[string]any)
	return o
}

// without returns a schema without a keyword.
func without(o map[string]any, keyword string) map[string]any {
	o = maps.Clone(o)
	delete(o, keyword)
	return o
}

func (c *comparison) fault(err error) {
	if err != nil {
		c.faults = append(c.faults, err)
	}
}

// object returns a schema as an object; true is one without keywords. refusesAll is true for
// false.
func object(schema any) (o map[string]any, refusesAll bool) {
	if b, ok := schema.(bool); ok && !b {
		return nil, true
	}
	o, _ = schema.(map[string]any)
	return o, false
}

func (c *comparison) objects(path string, old, next map[string]any) {
	c.types(path, old, next)
	c.values(path, old, next)
	c.properties(path, old, next)
	c.bounds(path, old, next)
	c.texts(path, old, next)
	for _, keyword := range []string{"items", "additionalItems", "propertyNames", "contentSchema"} {
		c.sub(path, keyword, old, next)
	}
	c.branches(path, "anyOf", old, next, more)
	c.branches(path, "oneOf", old, next, more)
	c.branches(path, "allOf", old, next, fewer)
	c.opaque(path, old, next)
}

// sub compares the schemas of a keyword. Before draft 2020-12, items may be a list of them.
func (c *comparison) sub(path, keyword string, old, next map[string]any) {
	a, b := old[keyword], next[keyword]
	_, isList := a.([]any)
	_, isList2 := b.([]any)
	switch path = join(path, keyword); {
	case a == nil && b == nil:
	case isList || isList2:
		c.parts(path, a, b)
	default:
		c.schemas(path, orTrue(a), orTrue(b))
	}
}

func orTrue(schema any) any {
	if schema == nil {
		return true
	}
	return schema
}

var allTypes = []string{"array", "boolean", "integer", "null", "number", "object", "string"}

// types compares the types. An integer is also a number.
func (c *comparison) types(path string, old, next map[string]any) {
	a, b := typesOf(old), typesOf(next)
	for _, t := range allTypes {
		switch {
		case a[t] && !b[t]:
			c.addf(join(path, "type"), fewer, "%s is not accepted any more", t)
		case !a[t] && b[t]:
			c.addf(join(path, "type"), more, "%s is accepted now", t)
		}
	}
}

func typesOf(schema map[string]any) map[string]bool {
	set := make(map[string]bool)
	switch t := schema["type"].(type) {
	case string:
		set[t] = true
	case []any:
		for _, one := range t {
			if text, ok := one.(string); ok {
				set[text] = true
			}
		}
	default:
		for _, one := range allTypes {
			set[one] = true
		}
		if values, limited := enumOf(schema); limited {
			set = typesOfValues(values)
		}
	}
	if set["number"] {
		set["integer"] = true
	}
	return set
}

// typesOfValues returns the types of values in JSON.
func typesOfValues(values []string) map[string]bool {
	set := make(map[string]bool)
	for _, v := range values {
		switch v[0] {
		case '{':
			set["object"] = true
		case '[':
			set["array"] = true
		case '"':
			set["string"] = true
		case 't', 'f':
			set["boolean"] = true
		case 'n':
			set["null"] = true
		default:
			set["number"] = true
		}
	}
	return set
}

// values compares enum and const. A const is an enum of one value.
func (c *comparison) values(path string, old, next map[string]any) {
	a, limited := enumOf(old)
	b, limited2 := enumOf(next)
	path = join(path, "enum")
	switch {
	case !limited && !limited2:
	case !limited:
		c.addf(path, fewer, "only listed values are accepted now: %s", list(b))
	case !limited2:
		c.addf(path, more, "all values are accepted now, and not only listed ones")
	default:
		for _, v := range missing(a, b) {
			c.addf(path, fewer, "the value %s is not accepted any more", v)
		}
		for _, v := range missing(b, a) {
			c.addf(path, more, "the value %s is accepted now", v)
		}
	}
}

// enumOf returns the listed values as JSON. limited is false if all values are accepted.
func enumOf(schema map[string]any) (values []string, limited bool) {
	all, limited := schema["enum"].([]any)
	if one, ok := schema["const"]; ok {
		all, limited = []any{one}, true
	}
	for _, v := range all {
		values = append(values, text(v))
	}
	return values, limited
}

// text returns a value as JSON.
func text(v any) string {
	encoded, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v) // the value was decoded from JSON
	}
	return string(encoded)
}

func list(values []string) string { return strings.Join(values, ", ") }

// missing returns the elements of a that b does not have.
func missing(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(v string) bool { return slices.Contains(b, v) })
}

// bound is a keyword with a number.
type bound struct {
	keyword string
	lower   bool // a larger number accepts fewer values
}

var allBounds = []bound{
	{"minimum", true},
	{"exclusiveMinimum", true},
	{"minLength", true},
	{"minItems", true},
	{"minProperties", true},
	{"minContains", true},
	{"maximum", false},
	{"exclusiveMaximum", false},
	{"maxLength", false},
	{"maxItems", false},
	{"maxProperties", false},
	{"maxContains", false},
}

func (c *comparison) bounds(path string, old, next map[string]any) {
	for _, b := range allBounds {
		was, is := b.of(old), b.of(next)
		x, isNumber := number(was)
		y, isNumber2 := number(is)
		at := join(path, b.keyword)
		switch {
		case reflect.DeepEqual(was, is) || isNumber && isNumber2 && x.Cmp(y) == 0:
		case was == nil:
			c.addf(at, fewer, "%s is %s now, and was not limited", b.keyword, text(is))
		case is == nil:
			c.addf(at, more, "%s is not limited any more, and was %s", b.keyword, text(was))
		case !isNumber || !isNumber2: // a boolean in draft 4
			c.addf(at, other, "%s is %s now, and was %s", b.keyword, text(is), text(was))
		default:
			e := more
			if (y.Cmp(x) > 0) == b.lower {
				e = fewer
			}
			c.addf(at, e, "%s is %s now, and was %s", b.keyword, text(is), text(was))
		}
	}
}

// of returns the bound of a schema, or nil. A missing minContains beside contains is 1. A least
// length or number of 0 limits nothing.
func (b bound) of(schema map[string]any) any {
	v := schema[b.keyword]
	switch b.keyword {
	case "minContains":
		if v == nil && schema["contains"] != nil {
			return json.Number("1")
		}
	case "minLength", "minItems", "minProperties":
		if n, ok := number(v); ok && n.Sign() == 0 {
			return nil
		}
	}
	return v
}

// number returns a number of JSON. Exponents are limited, because big.Rat would write them out.
func number(v any) (*big.Float, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return nil, false
	}
	f, _, err := big.ParseFloat(n.String(), 10, 256, big.ToNearestEven)
	return f, err == nil
}

// texts compares keywords that limit values, and whose values cannot be ordered.
func (c *comparison) texts(path string, old, next map[string]any) {
	for _, keyword := range []string{"pattern", "format", "multipleOf", "contentEncoding", "contentMediaType", "uniqueItems"} {
		a, b := unlessFalse(old[keyword]), unlessFalse(next[keyword])
		at := join(path, keyword)
		switch {
		case reflect.DeepEqual(a, b):
		case a == nil:
			c.addf(at, fewer, "%s is %s now, and was not limited", keyword, text(b))
		case b == nil:
			c.addf(at, more, "%s is not limited any more, and was %s", keyword, text(a))
		default:
			c.addf(at, other, "%s is %s now, and was %s", keyword, text(b), text(a))
		}
	}
}

func unlessFalse(v any) any {
	if v == false {
		return nil
	}
	return v
}

// branches compares lists of schemas. A new branch has the effect added, and a removed one the
// opposite.
func (c *comparison) branches(path, keyword string, old, next map[string]any, added effect) {
	a, _ := old[keyword].([]any)
	b, _ := next[keyword].([]any)
	path = join(path, keyword)
	switch {
	case len(a) == 0 && len(b) == 0:
	case len(a) == 0:
		c.addf(path, fewer, "%s is new", keyword)
	case len(b) == 0:
		c.addf(path, more, "%s is removed", keyword)
	case len(a) == len(b):
		for i := range a {
			c.inBranch(join(path, strconv.Itoa(i)), keyword, a[i], b[i])
		}
	default:
		c.unequal(path, keyword, a, b, added)
	}
}

// inBranch compares two branches. If one of several branches accepts more, oneOf may accept fewer,
// because exactly one must accept a value.
func (c *comparison) inBranch(path, keyword string, old, next any) {
	before := c.forced
	c.forced = c.forced || keyword == "oneOf"
	c.schemas(path, old, next)
	c.forced = before
}

func (c *comparison) unequal(path, keyword string, a, b []any, added effect) {
	if keyword == "oneOf" {
		added = other
	}
	rest := slices.Clone(b)
	for _, branch := range a {
		i := slices.IndexFunc(rest, func(v any) bool { return reflect.DeepEqual(v, branch) })
		if i < 0 {
			c.addf(path, opposite(added), "%s has a branch less: %s", keyword, short(branch))
			continue
		}
		c.inBranch(path, keyword, branch, rest[i]) // what it refers to may have changed
		rest = slices.Delete(rest, i, i+1)
	}
	for _, branch := range rest {
		c.addf(path, added, "%s has a new branch: %s", keyword, short(branch))
	}
}

func opposite(e effect) effect {
	switch e {
	case fewer:
		return more
	case more:
		return fewer
	case same, other:
	}
	return e
}

// short returns a schema as JSON of at most 100 bytes.
func short(schema any) string {
	s := text(schema)
	if len(s) > 100 {
		s = strings.ToValidUTF8(s[:97], "") + "…"
	}
	return s
}

// opaque compares keywords whose effect is not computed: every change may break both sides.
func (c *comparison) opaque(path string, old, next map[string]any) {
	before := c.forced
	defer func() { c.forced = before }()
	c.forced = true
	for _, keyword := range []string{"not", "if", "then", "else", "contains", "unevaluatedItems", "unevaluatedProperties"} {
		a, b := old[keyword], next[keyword]
		switch {
		case a == nil && b == nil:
		case a == nil || b == nil:
			c.addf(join(path, keyword), other, "%s is new or removed", keyword)
		default:
			c.schemas(join(path, keyword), a, b)
		}
	}
	for _, keyword := range []string{"prefixItems", "dependentSchemas", "dependentRequired", "dependencies", "$dynamicRef", "$recursiveRef"} {
		c.parts(join(path, keyword), old[keyword], next[keyword])
	}
}

// parts compares lists and maps of schemas, whose effect is not computed.
func (c *comparison) parts(path string, old, next any) {
	before := c.forced
	defer func() { c.forced = before }()
	c.forced = true
	a, b := elements(old), elements(next)
	if len(a) == 0 || !slices.Equal(keys(a, nil), keys(b, nil)) {
		if !reflect.DeepEqual(old, next) {
			c.addf(path, other, "the keyword has changed")
		}
		return
	}
	for _, key := range keys(a, b) {
		if at := join(path, key); isSchema(a[key]) && isSchema(b[key]) {
			c.schemas(at, a[key], b[key])
		} else if !reflect.DeepEqual(a[key], b[key]) {
			c.addf(at, other, "the keyword has changed")
		}
	}
}

// elements returns a list or map as a map.
func elements(v any) map[string]any {
	all, _ := v.([]any)
	if all == nil {
		o, _ := v.(map[string]any)
		return o
	}
	m := make(map[string]any, len(all))
	for i, one := range all {
		m[strconv.Itoa(i)] = one
	}
	return m
}

func isSchema(v any) bool {
	switch v.(type) {
	case bool, map[string]any:
		return true
	}
	return false
}

// keys returns the names in either map, sorted.
func keys(a, b map[string]any) []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(all)
	return slices.Compact(all)
}
