package demo_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/internal/rabbit"
)

func TestTheStoryMeasuresWhatItShows(t *testing.T) {
	rabbit.NeedsNetwork(t, "the demo cuts its own connections")
	d := start(t)
	if said, err := d.Do(t.Context(), live.Action{Verb: live.Play}); err != nil || said != "Playing all steps." {
		t.Fatalf("got %q, %v", said, err)
	}
	rabbit.Eventually(t, 2*time.Minute, func() bool { return !d.Busy() }, "the story has ended")
	s := d.Snapshot()
	for i, want := range []string{
		`^The answer takes .+s, and .+ s the old way\.$`,
		`^10 people have an answer, by the median in .+s; their 20 mails are dead letters\.$`,
		`^Replayed 20 dead letters: 20 of 20 mails arrived\.$`,
		`^Reconnected in .+s, 0 lost of [1-9][0-9]* in hand; 30 of 30 people have both mails\.$`,
		`^Its mail went out as number [1-9][0-9]?, past [0-9,]+ that waited\.$`,
	} {
		if c := s.Story[i]; c.Bad || c.Playing || !regexp.MustCompile(want).MatchString(c.Result) {
			t.Errorf("step %d: got %+v, want %s", i+1, c, want)
		}
		t.Log(s.Story[i].Result)
	}
	if s.Ended != "Played 5 steps." || s.Broker.Cut == nil || s.Broker.Cut.Reconnected <= 0 {
		t.Errorf("got %q and the cut %+v", s.Ended, s.Broker.Cut)
	}
	if live.Sooner(s.NewWay, s.OldWay) == "" {
		t.Errorf("got the latencies %+v and %+v, want both", s.NewWay, s.OldWay)
	}
}

func TestAStepWithoutDeadLettersSaysWhatToPlayFirst(t *testing.T) {
	d := start(t)
	for _, n := range []int{-1, live.Chapters + 1} {
		if _, err := d.Do(t.Context(), live.Action{Verb: live.Play, Chapter: n}); err == nil {
			t.Errorf("step %d is played", n)
		}
	}
	if _, err := d.Do(t.Context(), live.Action{Verb: live.Play, Chapter: 3}); err != nil {
		t.Fatal(err)
	}
	rabbit.Eventually(t, time.Minute, func() bool { return !d.Busy() }, "the step has ended")
	if c := d.Snapshot().Story[2]; !c.Bad || c.Result != "no dead letters to replay: play step 2 first" {
		t.Errorf("got %+v", c)
	}
}
