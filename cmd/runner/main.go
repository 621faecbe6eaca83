// Runner runs workers from a YAML file, and has the operator's commands: see runner help.
package main

import (
	_ "time/tzdata" // for machines without time zones

	"github.com/warren-mq/warren/runner"
)

func main() { runner.Main() }
