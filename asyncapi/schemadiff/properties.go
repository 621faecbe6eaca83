package schemadiff

import "slices"

// properties compares the properties of objects, which of them are required, and what else an
// object may have.
func (c *comparison) properties(path string, old, next map[string]any) {
	a, _ := old["properties"].(map[string]any)
	b, _ := next["properties"].(map[string]any)
	was, is := names(old["required"]), names(next["required"])
	for _, name := range keys(a, b) {
		at := join(join(path, "properties"), name)
		_, hasOld := a[name]
		_, hasNew := b[name]
		switch {
		case !hasOld:
			c.newProperty(at, old, slices.Contains(is, name))
		case !hasNew:
			c.oldProperty(at, next, slices.Contains(was, name))
		default:
			c.schemas(at, a[name], b[name])
		}
	}
	for _, name := range missing(is, was) {
		if _, known := a[name]; known || b[name] == nil {
			c.addf(join(path, "required"), fewer, "the property %q is required now", name)
		}
	}
	for _, name := range missing(was, is) {
		if _, known := b[name]; known || a[name] == nil {
			c.addf(join(path, "required"), more, "the property %q is not required any more", name)
		}
	}
	c.others(path, old, next)
}

// newProperty adds the change for a property that only the new version has.
func (c *comparison) newProperty(at string, old map[string]any, required bool) {
	e, what := same, "the property is new, and optional"
	if required {
		e, what = fewer, "the property is new, and required"
	}
	if closed(old) {
		e, what = e|more, what+"; the old version limits properties that it does not list"
	}
	c.addf(at, e, "%s", what)
}

// oldProperty adds the change for a property that only the old version has.
func (c *comparison) oldProperty(at string, next map[string]any, required bool) {
	e, what := same, "the property is removed, which was optional"
	if required {
		e, what = more, "the property is removed, which was required"
	}
	if closed(next) {
		e, what = e|fewer, what+"; the new version limits properties that it does not list"
	}
	c.addf(at, e, "%s", what)
}

// closed reports whether a schema limits properties that it does not list.
func closed(schema map[string]any) bool {
	for _, keyword := range []string{"additionalProperties", "unevaluatedProperties"} {
		if schema[keyword] != nil && schema[keyword] != true {
			return true
		}
	}
	return false
}

// others compares additionalProperties and patternProperties.
func (c *comparison) others(path string, old, next map[string]any) {
	c.sub(path, "additionalProperties", old, next)
	a, _ := old["patternProperties"].(map[string]any)
	b, _ := next["patternProperties"].(map[string]any)
	for _, pattern := range keys(a, b) {
		at := join(join(path, "patternProperties"), pattern)
		switch {
		case a[pattern] == nil:
			c.addf(at, other, "the pattern is new")
		case b[pattern] == nil:
			c.addf(at, other, "the pattern is removed")
		default:
			c.schemas(at, a[pattern], b[pattern])
		}
	}
}

func names(v any) (all []string) {
	items, _ := v.([]any) // draft 3 and 4 have a boolean elsewhere
	for _, item := range items {
		if name, ok := item.(string); ok && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
