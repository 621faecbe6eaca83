package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// publishing holds the arguments and flags of publish.
type publishing struct {
	exchange, key string
	data          string
	headers       []string
	contentType   string
	codecName     string
	codec         handler.Codec // of codecName, or nil
	priority      uint8
	delay         time.Duration
	count         int
	rate          float64 // messages a second; 0 means no limit
}

// published is a message that the broker has confirmed.
type published struct {
	ID       string `json:"id"`
	Exchange string `json:"exchange"`
	Key      string `json:"key"`
}

func (p *Program) publishCommand() *cobra.Command {
	w := publishing{}
	c := &cobra.Command{
		Use: "publish EXCHANGE KEY --data @FILE|-|TEXT", Short: "Publish one or more messages", Args: exactly(2),
		Long: `Publish a message and wait until the broker has confirmed that a queue has it. If no queue
is bound for it, or the broker rejects it, the exit status is 1. If that happens after the
first of --count messages, the exit status is 6. EXCHANGE "" is the default exchange, whose
keys are names of queues. The output of -o json contains the ids of the messages.`,
		Example: `  runner publish events user.signed_up --data '{"email":"ada@example.org"}'
  runner publish events user.signed_up --data @user.json --count 1000 --rate 50
  date | runner publish "" welcome-email --data - --delay 30s`,
		RunE: func(cmd *cobra.Command, args []string) error {
			w.exchange, w.key = args[0], args[1]
			if !cmd.Flags().Changed("data") {
				return usage(errors.New("runner: want --data with @FILE, - for the standard input, or the text itself"))
			}
			return p.publish(cmd.Context(), w)
		},
	}
	f := c.Flags()
	f.StringVarP(&w.data, "data", "d", "", "the body: @`FILE`, - for the standard input, or the text itself")
	f.StringArrayVarP(&w.headers, "header", "H", nil, "a header, as `NAME=VALUE`; may be repeated")
	f.StringVar(&w.contentType, "content-type", "", "`MIME` type of the body; empty means to detect JSON and text")
	f.StringVar(&w.codecName, "codec", "", "the `NAME` in codecs of the codec that encodes the body")
	f.Uint8Var(&w.priority, "priority", 0, "priority, 0 to 255; classic queues use up to max_priority, quorum queues of RabbitMQ 4.3 up to 31")
	f.DurationVar(&w.delay, "delay", 0, "how long to delay the message, such as 1m30s; a worker that has a queue of the exchange publishes it then")
	f.IntVar(&w.count, "count", 1, "number of messages")
	f.Float64Var(&w.rate, "rate", 0, "messages a second; 0 means no limit")
	return c
}

// check returns the faults of the flags.
func (w publishing) check() error {
	var errs []error
	if w.count < 1 {
		errs = append(errs, fmt.Errorf("runner: --count is %d, want 1 or more", w.count))
	}
	if w.rate < 0 || math.IsNaN(w.rate) || math.IsInf(w.rate, 0) {
		errs = append(errs, fmt.Errorf("runner: --rate is %v, want 0 or more", w.rate))
	}
	if w.delay < 0 {
		errs = append(errs, fmt.Errorf("runner: --delay is %v, want 0 or more", w.delay))
	}
	if _, err := readHeaders(w.headers); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return usage(errors.Join(errs...))
	}
	return nil
}

func (p *Program) publish(ctx context.Context, w publishing) (err error) {
	if err = w.check(); err != nil {
		return err
	}
	body, err := readData(w.data, p.Stdin)
	if err != nil {
		return err
	}
	c, err := p.load(false)
	if err != nil {
		return err
	}
	codecs := wiring.NewCodecs(c, slog.New(slog.DiscardHandler))
	defer func() { err = errors.Join(err, codecs.Close()) }()
	if w.codecName != "" {
		if w.codec, err = codecs.Of(w.codecName); err != nil {
			return err
		}
	}
	pub, err := p.publisher(ctx, c, w.exchange)
	if err != nil {
		return err
	}
	began := time.Now()
	ids, err := p.publishAll(ctx, pub, w, body)
	err = errors.Join(err, pub.Close())
	if err == nil || len(ids) > 0 {
		err = errors.Join(p.show(publishedTable(ids, w, time.Since(began))), err)
	}
	if err != nil && len(ids) > 0 {
		return &statusError{exitPartial, fmt.Errorf("runner: %d of %d messages were published: %w", len(ids), w.count, err)}
	}
	return err
}

// options returns the publish options, which are the same for each message.
func (w publishing) options(body []byte) []broker.Option {
	headers, _ := readHeaders(w.headers) // check has reported the error
	o := []broker.Option{broker.WithHeaders(headers), broker.WithContentType(contentType(w.contentType, body)), broker.WithPriority(w.priority)}
	if w.delay > 0 {
		o = append(o, broker.WithDelay(w.delay))
	}
	if w.codec != nil {
		o = append(o, broker.WithCodec(w.codec))
	}
	return o
}

func publishedTable(ids []string, w publishing, took time.Duration) result {
	r := result{single: w.count == 1}
	for _, id := range ids {
		r.values = append(r.values, published{id, w.exchange, w.key})
	}
	if len(ids) == 1 {
		r.rows = [][]string{{"published", ids[0]}}
	} else {
		r.note = fmt.Sprintf("published %d messages in %v, %.0f a second", len(ids), took.Round(time.Millisecond), float64(len(ids))/took.Seconds())
	}
	return r
}

// readHeaders reads NAME=VALUE; values are text.
func readHeaders(list []string) (message.Headers, error) {
	headers := make(message.Headers, len(list))
	var errs []error
	for _, assignment := range list {
		name, value, err := cutHeader(assignment)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		headers[name] = value
	}
	return headers, errors.Join(errs...)
}
