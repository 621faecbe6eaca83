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
)

// suggestFlag returns a hint with the flag that may have been meant.
func suggestFlag(cmd *cobra.Command, err error) string {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return ""
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
	return didYouMean("--"+unknown.GetSpecifiedName(), known)
}

// didYouMean returns a hint if a known word is near. It does not list all words.
func didYouMean(got string, known []string) string {
	if hint := config.Meant(got, known); strings.HasPrefix(hint, ", did") {
		return hint
	}
	return ""
}

// suggestQueue returns a hint for a queue that does not exist. It is empty for other
// errors, or if no known name is near.
func suggestQueue(err error, c *config.Config) string {
	if !errors.Is(err, amqp.ErrNoQueue) {
		return ""
	}
	_, queue, _ := strings.Cut(err.Error(), amqp.ErrNoQueue.Error()+": ")
	known := make([]string, 0, 2*len(c.Queues))
	for _, q := range c.Queues {
		known = append(known, q.Name, q.DeadLetterQueue())
	}
	if slices.Contains(known, queue) {
		return ": it is in the configuration but not declared: run runner topology apply"
	}
	return didYouMean(queue, known)
}

var unknownTerm = regexp.MustCompile(`unknown name "([^"]*)"`)

// filterTerms are the names that --filter accepts.
var filterTerms = []string{"id", "fingerprint", "reason", "error", "key", "queue", "since", "until", "limit", "header.NAME"}

// suggestTerm returns a hint with the name that may have been meant in a filter.
func suggestTerm(err error) string {
	if m := unknownTerm.FindStringSubmatch(err.Error()); m != nil {
		return didYouMean(m[1], filterTerms)
	}
	return ""
}
