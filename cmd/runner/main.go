// Runner runs workers from a YAML file, and has the operator's commands: see runner help.
package main

import "github.com/warren-mq/warren/runner"

func main() { runner.Main() }
