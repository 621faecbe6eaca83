// Package command is the command line of the runner: nouns and then verbs, results on
// stdout and everything else on stderr.
package command
