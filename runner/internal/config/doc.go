// Package config reads the configuration of the runner: a YAML file, the environment
// (WARREN_…), which overrides the file, and flags, which override both.
//
// Load checks the file against the JSON Schema that Schema generates from the structs of
// this package. Then it checks the rules that the schema cannot express. It returns all
// faults in one *Error, each with its place:
//
//	config.yaml:12:7: unknown key "prefetchh" in queues[0], did you mean "prefetch"?
//
// Viper merges the sections broker, admin, fleet, log, telemetry and scheduler, and grace. The
// lists exchanges, queues and schedules come from the file alone. They are decoded from
// the syntax tree, so that names, headers and bodies keep the form in which they are
// written.
//
// A scalar may contain ${NAME}, ${NAME:-default} (used also if NAME is empty) and
// ${NAME:?reason}; $$ is a $. Variables are expanded in values only, after parsing, so a
// variable cannot change the structure of the file. A secret is text, or {file: PATH},
// relative to the configuration file. The newlines at the end of that file are removed.
//
// A new key is a field with its tags in config.go, queue.go or handler.go. Then come, where
// they apply, its default (defaults.go), rules beyond the schema (the files …check.go), what
// a reload may change (diff.go, and pinned in package engine), and its effect: of a queue in
// Queue.Worker, of grace and fleet in package engine, of telemetry in package observe, of
// everything else in package wiring. `go test -update` writes the schema.
//
// Errors and other output of this package contain no secrets.
package config
