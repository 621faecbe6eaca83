// Runner runs workers from a YAML file, and has commands to operate them: see runner help.
package main

import (
	_ "time/tzdata" // for machines without a time zone database

	"github.com/warren-mq/warren/runner"
)

func main() { runner.Main() }
