// Package command implements the command line of the runner. Commands are a noun and then
// a verb. Results go to stdout, everything else to stderr.
package command
