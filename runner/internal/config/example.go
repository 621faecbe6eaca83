package config

import _ "embed" // the example

//go:embed example.yaml
var example []byte

// Init returns an example configuration. It works unchanged with runner dev, and its
// comments explain the settings.
func Init() []byte { return append([]byte(nil), example...) }
