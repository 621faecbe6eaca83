package fleet

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/message"
)

// TestAUserCannotFillTheMemoryOfAListener with processes of its own, whose announcements are short and
// have many elements. The processes of other users are still seen.
func TestAUserCannotFillTheMemoryOfAListener(t *testing.T) {
	t.Parallel()
	l := &Listener{changed: make(chan struct{}, 1), seen: make(map[identity]*Seen), ofUser: make(map[string]int)}
	now := time.Now()
	take := func(user, id, kind string, queues int) {
		elements := strings.TrimSuffix(strings.Repeat("{},", queues), ",")
		body := fmt.Sprintf(`{"format":1,"kind":%q,"process":{"id":%q},"queues":[%s],"parking":[%[3]s],"limits":[%[3]s],"executed":{}}`, kind, id, elements)
		l.take(&message.Message{UserID: user, Body: []byte(body)}, now)
	}
	var ids []string
	for range 1000 {
		ids = append(ids, rand.Text())
		take("rogue", ids[len(ids)-1], KindState, MaxQueues)
	}
	elements := 0
	for _, s := range l.Processes(now) {
		elements += len(s.Queues) + len(s.Parking) + len(s.Limits)
	}
	if elements > 300_000 {
		t.Errorf("the listener remembers %d elements of one user", elements)
	}
	honest := rand.Text()
	take("worker", honest, KindState, 10)
	take("worker", honest, KindState, 20)
	if s := l.seen[identity{"worker", honest}]; s == nil || len(s.Queues) != 20 {
		t.Errorf("the last announcement of another user is %v, want one with 20 queues", s)
	}
	take("rogue", rand.Text(), KindCommand, MaxQueues)
	if all := l.Executed(); len(all) != 1 || len(all[0].Queues) > 0 {
		t.Errorf("of a command, more is remembered than the command: %d of %v", len(all), all[0].Queues)
	}
	take("worker", honest, KindGoodbye, 0)
	for _, id := range ids {
		take("rogue", id, KindGoodbye, 0)
	}
	if l.weight != 0 || len(l.ofUser) > 0 || len(l.seen) > 0 {
		t.Errorf("after all goodbyes, the weight is %d, and of each user %v", l.weight, l.ofUser)
	}
}
