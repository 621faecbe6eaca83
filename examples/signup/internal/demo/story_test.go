package demo_test

import (
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/internal/rabbit"
)

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
