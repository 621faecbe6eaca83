package command

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
)

// suggestFlag ends the error of an unknown flag with the one that may be meant.
func suggestFlag(cmd *cobra.Command, err error) string {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return ""
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
	return didYouMean("--"+unknown.GetSpecifiedName(), known)
}

// didYouMean is a hint only if something is near: lists of all there is are for help.
func didYouMean(got string, known []string) string {
	if hint := config.Meant(got, known); strings.HasPrefix(hint, ", did") {
		return hint
	}
	return ""
}

// suggestQueue returns the hint for a dead-letter queue that is not declared; empty if
// err is another, or nothing is near.
func suggestQueue(err error, c *config.Config) string {
	if !errors.Is(err, amqp.ErrNoQueue) {
		return ""
	}
	_, queue, _ := strings.Cut(err.Error(), amqp.ErrNoQueue.Error()+": ")
	known := make([]string, 0, 2*len(c.Queues))
	for _, q := range c.Queues {
		known = append(known, q.Name, topology.DeadLetterQueue(q.Name))
	}
	if slices.Contains(known, queue) {
		return ": it is in the configuration, and not declared: runner topology apply"
	}
	return didYouMean(queue, known)
}

var unknownTerm = regexp.MustCompile(`unknown name "([^"]*)"`)

// filterTerms are what --filter knows.
var filterTerms = []string{"id", "fingerprint", "reason", "error", "key", "since", "until", "limit", "header.NAME"}

// suggestTerm ends the error of a filter with the term that may be meant.
func suggestTerm(err error) string {
	if m := unknownTerm.FindStringSubmatch(err.Error()); m != nil {
		return didYouMean(m[1], filterTerms)
	}
	return ""
}
