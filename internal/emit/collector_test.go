package emit_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/warren-mq/warren/internal/emit"
	"github.com/warren-mq/warren/message"
)

var errBroken = errors.New("broken")

// emission writes what becomes of it into a log.
type emission struct {
	log     *[]string
	message message.Message
	start   error
	confirm error
}

func (e *emission) Message() *message.Message { return &e.message }

func (e *emission) Start(context.Context) (func() error, error) {
	*e.log = append(*e.log, "start "+e.message.ID)
	return func() error {
		*e.log = append(*e.log, "wait "+e.message.ID)
		return e.confirm
	}, e.start
}

func (e *emission) Drop(context.Context) { *e.log = append(*e.log, "drop "+e.message.ID) }

func TestWhatBecomesOfEmittedMessages(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancelCause(t.Context())
	end(errBroken)
	for _, tt := range []struct {
		name    string
		ctx     context.Context
		result  error // of the handler
		start   error // of b
		confirm error // of b
		log     string
		want    string // part of the error
	}{
		{"all are sent before the first confirm", t.Context(), nil, nil, nil, "start a, start b, start c, wait a, wait b, wait c", ""},
		{"a handler that fails publishes none", t.Context(), errBroken, nil, nil, "drop a, drop b, drop c", "broken"},
		{"a handler that returns nil too late publishes none", ended, nil, nil, nil, "drop a, drop b, drop c", "3 of 3 messages were not confirmed: broken"},
		{"the messages after one that cannot be sent are dropped", t.Context(), nil, errBroken, nil, "start a, start b, drop c, wait a", "2 of 3 messages were not confirmed: broken"},
		{"all are waited for if one is not confirmed", t.Context(), nil, nil, errBroken, "start a, start b, start c, wait a, wait b, wait c", "1 of 3 messages were not confirmed: broken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log []string
			c := emit.New(emit.Origin{})
			for _, e := range []*emission{
				{&log, message.Message{ID: "a"}, nil, nil}, {&log, message.Message{ID: "b"}, tt.start, tt.confirm}, {&log, message.Message{ID: "c"}, nil, nil},
			} {
				if err := c.Add(e); err != nil {
					t.Fatal(err)
				}
			}
			err := c.Finish(tt.ctx, tt.result)
			if got := strings.Join(log, ", "); got != tt.log {
				t.Errorf("the order was %q, want %q", got, tt.log)
			}
			if tt.want == "" && (err != nil || len(c.Published()) != 3) {
				t.Errorf("Finish returned %v, and %d messages were published; want nil and 3", err, len(c.Published()))
			}
			if tt.want != "" && (err == nil || !strings.HasSuffix(err.Error(), tt.want) || !errors.Is(err, errBroken) || len(c.Published()) != 0) {
				t.Errorf("Finish returned %v, and %d messages were published; want an error that ends in %q and 0", err, len(c.Published()), tt.want)
			}
			if err := c.Add(&emission{}); !errors.Is(err, emit.ErrNoHandler) {
				t.Errorf("Add returned %v after the handler, want ErrNoHandler", err)
			}
		})
	}
}

func TestEachRunGivesTheSameIDs(t *testing.T) {
	t.Parallel()
	origin := emit.Origin{MessageID: "1", Queue: "q", Handler: "#"}
	ids := func(o emit.Origin) (all []string) {
		c := emit.New(o)
		for _, to := range [][2]string{{"e", "k"}, {"e", "k"}, {"e", "l"}, {"f", "k"}} {
			all = append(all, c.ID(to[0], to[1]))
		}
		return all
	}
	first := ids(origin)
	if again := ids(origin); !slices.Equal(first, again) {
		t.Errorf("another run gave the ids %q, want %q", again, first)
	}
	if want := "ba9ad0fc-560f-51c5-b332-d5d8b0350ec2"; first[0] != want {
		t.Errorf("the first id is %s, want %s as in earlier versions: a message that is redelivered after an update has to emit the same ids", first[0], want)
	}
	all := slices.Concat(first, ids(emit.Origin{MessageID: "2", Queue: "q", Handler: "#"}),
		ids(emit.Origin{MessageID: "1", Queue: "r", Handler: "#"}), ids(emit.Origin{MessageID: "1", Queue: "q", Handler: "k"}))
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != 16 {
		t.Errorf("%d ids differ, want 16: they depend on message, queue, handler, exchange, key and number", n)
	}
	if id := emit.New(emit.Origin{Queue: "q"}).ID("e", "k"); id != "" {
		t.Errorf("the id is %q for a message without an id, want none", id)
	}
}

func TestARunThatFailsBeginsTheIDsAgain(t *testing.T) {
	t.Parallel()
	var log []string
	c := emit.New(emit.Origin{MessageID: "1"})
	var ids [2]string
	for run := range ids {
		ids[run] = c.ID("e", "k")
		if err := c.Add(&emission{log: &log, message: message.Message{ID: strconv.Itoa(run)}}); err != nil {
			t.Fatal(err)
		}
		if run == 0 {
			_ = c.Flush(t.Context(), emit.Mark{}, errBroken)
		}
	}
	if err := c.Finish(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if got := strings.Join(log, ", "); ids[0] != ids[1] || got != "drop 0, start 1, wait 1" {
		t.Errorf("the ids were %q and the order %q, want equal ids and the second message alone", ids, got)
	}
}

// TestMessagesBeforeAMarkAreKept: a part of the handling fails and runs again, or succeeds alone.
func TestMessagesBeforeAMarkAreKept(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		result error // of the first run of the part
		log    string
		again  bool // the second run gives its message the same id
	}{
		{"a part that fails drops its own messages", errBroken, "drop part 1, start before, start part 2, wait before, wait part 2", true},
		{"a part that succeeds publishes its own messages", nil, "start part 1, wait part 1, start before, start part 2, wait before, wait part 2", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log []string
			c := emit.New(emit.Origin{MessageID: "1"})
			add := func(name string) (id string) {
				id = c.ID("e", "k")
				if err := c.Add(&emission{log: &log, message: message.Message{ID: name}}); err != nil {
					t.Fatal(err)
				}
				return id
			}
			before := add("before")
			mark := c.Mark()
			first := add("part 1")
			if err := c.Flush(t.Context(), mark, tt.result); !errors.Is(err, tt.result) {
				t.Errorf("Flush returned %v, want %v", err, tt.result)
			}
			second := add("part 2")
			if err := c.Finish(t.Context(), nil); err != nil {
				t.Error(err)
			}
			if got := strings.Join(log, ", "); got != tt.log {
				t.Errorf("the order was %q, want %q", got, tt.log)
			}
			if before == first || before == second || (first == second) != tt.again {
				t.Errorf("the ids are %q, %q and %q; want that the second run repeats the id of the first: %v", before, first, second, tt.again)
			}
		})
	}
}

func TestAContextThatRefuses(t *testing.T) {
	t.Parallel()
	err := emit.From(emit.Refuse(t.Context(), "this is a batch")).Open()
	if !errors.Is(err, emit.ErrNoHandler) || !strings.HasSuffix(err.Error(), ": this is a batch") {
		t.Errorf("Open returned %v, want ErrNoHandler with the reason", err)
	}
	if err := emit.From(t.Context()).Open(); !errors.Is(err, emit.ErrNoHandler) {
		t.Errorf("Open returned %v without a collector, want ErrNoHandler", err)
	}
}
