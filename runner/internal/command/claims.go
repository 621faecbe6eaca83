package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

func (p *Program) claimsCommand() *cobra.Command {
	c := parent("claims", "Operate the stores of large bodies")
	c.AddCommand(p.claimsSweep())
	return c
}

func (p *Program) claimsSweep() *cobra.Command {
	var age time.Duration
	var yes bool
	c := &cobra.Command{
		Use: "sweep [CODEC...]", Short: "Delete old bodies from the stores of codecs with claim",
		Long: `Delete the bodies that were stored longer ago than --older-than, from the stores of the named
codecs, or of all codecs with claim. Run it regularly, such as once a day.

A message whose body was deleted cannot be handled, so --older-than must be longer than any
message exists: in a queue, delayed, or as a dead letter. Acknowledging a message does not delete
its body, because other queues may have the same message.`,
		Example: `  runner claims sweep --older-than 2160h --yes    # 90 days`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if age <= 0 {
				return usage(fmt.Errorf("runner: --older-than is %v, want more than 0, such as 2160h", age))
			}
			c, err := p.whole(true)
			if err != nil {
				return err
			}
			codecs, err := claiming(c, args)
			if err != nil {
				return usage(err)
			}
			if err := p.confirm(yes, fmt.Sprintf("delete the bodies of codec %s that are older than %v", strings.Join(codecNames(codecs), ", "), age), "sweep"); err != nil {
				return err
			}
			return p.sweep(cmd.Context(), codecs, age)
		},
	}
	c.Flags().DurationVar(&age, "older-than", 0, "delete bodies that are older; longer than any message exists, dead letters included")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// claiming returns the codecs with the names, or all, that have a store.
func claiming(c *config.Config, only []string) (all []config.Codec, err error) {
	for _, codec := range c.Codecs {
		if codec.Claim != nil {
			all = append(all, codec)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("runner: no codec of the configuration has claim, want one or more")
	}
	if len(only) == 0 {
		return all, nil
	}
	for _, name := range only {
		if !slices.Contains(codecNames(all), name) {
			return nil, fmt.Errorf("runner: codec %q is missing or has no claim, want one of %q", name, codecNames(all))
		}
	}
	return slices.DeleteFunc(all, func(codec config.Codec) bool { return !slices.Contains(only, codec.Name) }), nil
}

func codecNames(codecs []config.Codec) []string {
	all := make([]string, len(codecs))
	for i, c := range codecs {
		all[i] = c.Name
	}
	return all
}

// sweep deletes old bodies. It continues with the next store after an error.
func (p *Program) sweep(ctx context.Context, codecs []config.Codec, age time.Duration) error {
	r := result{header: []string{"CODEC", "DELETED"}}
	var failed error
	for _, codec := range codecs {
		n, err := sweepStore(ctx, *codec.Claim, age)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("runner: codec %s: %w", codec.Name, err))
		}
		r.rows = append(r.rows, []string{codec.Name, strconv.FormatInt(n, 10)})
		r.values = append(r.values, swept{codec.Name, n})
	}
	return errors.Join(p.show(r), failed)
}

// swept is the result for the store of a codec.
type swept struct {
	Codec   string `json:"codec"`
	Deleted int64  `json:"deleted"`
}

func sweepStore(ctx context.Context, of config.Claim, age time.Duration) (n int64, err error) {
	store, err := wiring.OpenStore(of)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return store.Sweep(ctx, age)
}
