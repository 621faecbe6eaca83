// Package config reads the configuration of the runner: a YAML file, over it the
// environment (WARREN_…), and over that the flags.
//
// Load checks the file's tree against the JSON Schema that Schema makes from the
// structs of this package, and then what no schema can say. All that is wrong comes in
// one *Error, each fault with its place:
//
//	config.yaml:12:7: unknown key "prefetchh" in queues[0], did you mean "prefetch"?
//
// viper lays the sections broker, admin, log, telemetry and scheduler, and grace, over
// one another. What a list holds (exchanges, queues, schedules) comes from the file
// alone, and is decoded from its syntax tree: names, headers and bodies stay as they
// are written.
//
// A scalar may hold ${NAME}, ${NAME:-default} (also if NAME is empty) and
// ${NAME:?reason}; $$ is a $. Only values are expanded, after parsing: a variable
// cannot change the shape of the file. Where a secret is wanted it is text, or
// {file: PATH}, relative to the configuration file, whose last line break is dropped.
//
// No error and no other output of this package shows a secret.
package config
