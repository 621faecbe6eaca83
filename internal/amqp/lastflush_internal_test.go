package amqp

import (
	"errors"
	"testing"
)

// gate is a channel that does something while it is told the first outcome.
type gate struct {
	*recorder
	during func()
}

func (g *gate) Ack(tag uint64, multiple bool) error {
	if during := g.during; during != nil {
		g.during = nil
		during()
	}
	return g.recorder.Ack(tag, multiple)
}

// TestTheLastFlushSwallowsNoOutcome gives an outcome while the last flush is under way:
// it is told, or refused as stale.
func TestTheLastFlushSwallowsNoOutcome(t *testing.T) {
	t.Parallel()
	channel := &gate{recorder: newRecorder()}
	s := newSettler(channel, 1000)
	s.took(1)
	s.took(2)
	accepted := false
	channel.during = func() { accepted = s.put(settlement{tag: 2}) }
	s.mu.Lock()
	s.ready = append(s.ready, settlement{tag: 1}) // for the last flush, and no earlier one
	delete(s.open, 1)
	s.mu.Unlock()
	s.stop()
	told := len(channel.rest())
	if accepted && told != 2 || !accepted && told != 1 {
		t.Errorf("accepted is %v and %d outcomes were told, want a told one or a refusal", accepted, told)
	}
}

// TestOutcomesThatCannotBeSentAreCounted: they were accepted before the channel failed.
func TestOutcomesThatCannotBeSentAreCounted(t *testing.T) {
	t.Parallel()
	s := newSettler(&recorder{fault: errors.New("closed")}, 1000)
	for tag := range uint64(3) {
		s.took(tag + 1)
		if !s.put(settlement{tag: tag + 1}) {
			t.Errorf("outcome %d was refused while the channel was open", tag+1)
		}
	}
	<-s.gone
	if n := s.untold(); n != 3 {
		t.Errorf("%d outcomes are untold, want 3", n)
	}
}
