package config

import "reflect"

// knownKeys returns the keys of a map that is decoded into t.
func knownKeys(t reflect.Type) (keys []string) {
	switch {
	case t == nil:
		return nil
	case t == secretType:
		return []string{"file"}
	case t.Kind() != reflect.Struct:
		return nil
	}
	for f := range t.Fields() {
		if key := f.Tag.Get("yaml"); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}
