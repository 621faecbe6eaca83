package command

import (
	"errors"
	"slices"
	"testing"

	"github.com/warren-mq/warren/internal/amqp/fleet"
)

func TestAProcessIsChosenByItsUserAndTheBeginningOfItsID(t *testing.T) {
	t.Parallel()
	process := func(user, id string, missing bool) fleet.Seen {
		return fleet.Seen{User: user, Missing: missing, Announcement: &fleet.Announcement{Process: fleet.Process{ID: id}}}
	}
	all := []fleet.Seen{process("app", "ABCD", false), process("a/b", "ABCD", false), process("app", "XYZ", false), process("app", "ABZZ", true)}
	for name, tt := range map[string]struct {
		process string
		want    int
	}{
		"the beginning of an id matches processes of every user": {"AB", 2},
		"lower case is the same":                                 {"abcd", 2},
		"a user limits the match to its processes":               {"app/AB", 1},
		"a user may have a slash in its name":                    {"a/b/ABCD", 1},
		"a user alone matches all of its processes":              {"app/", 2},
		"a process of another user does not match":               {"b/ABCD", 0},
		"a missing process does not match":                       {"ABZ", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := matching(all, tt.process); len(got) != tt.want {
				t.Errorf("%q matches %d processes, want %d", tt.process, len(got), tt.want)
			}
		})
	}
}

func TestAProcessThatCannotBeAskedHidesNoAnswer(t *testing.T) {
	t.Parallel()
	done := reply{Process: "done"}
	unknown := reply{Process: "unknown", err: &fleet.RefusedError{Unknown: true}}
	deaf := reply{Process: "deaf", err: errors.New("no address")}
	for name, tt := range map[string]struct{ all, want []reply }{
		"one has done it":              {[]reply{deaf, unknown, done}, []reply{deaf, done}},
		"none has it, one is deaf":     {[]reply{deaf, unknown}, []reply{deaf, unknown}},
		"none has it":                  {[]reply{unknown, unknown}, []reply{unknown, unknown}},
		"the only one cannot be asked": {[]reply{deaf}, []reply{deaf}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same := func(a, b reply) bool { return a.Process == b.Process }
			if got := concerned(tt.all); !slices.EqualFunc(got, tt.want, same) {
				t.Errorf("the replies are %v, want %v", got, tt.want)
			}
		})
	}
}

func TestOneProcessHasAMessage(t *testing.T) {
	t.Parallel()
	done, deaf := reply{Process: "done"}, reply{Process: "deaf", err: errors.New("no address")}
	for name, tt := range map[string]struct{ all, want []reply }{
		"a process that cannot be asked does not matter": {[]reply{deaf, done}, []reply{done}},
		"unless no other has done it":                    {[]reply{deaf, deaf}, []reply{deaf, deaf}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same := func(a, b reply) bool { return a.Process == b.Process }
			if got := executed(tt.all); !slices.EqualFunc(got, tt.want, same) {
				t.Errorf("the replies are %v, want %v", got, tt.want)
			}
		})
	}
}
