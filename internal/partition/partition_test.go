package partition_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/warren-mq/warren/internal/partition"
)

func TestKeysSpreadOverPartitionsAndStayThere(t *testing.T) {
	t.Parallel()
	const keys, partitions = 8000, 8
	count := make([]int, partitions)
	for i := range keys {
		p := partition.Of(fmt.Sprintf("customer-%d", i), partitions)
		if again := partition.Of(fmt.Sprintf("customer-%d", i), partitions); again != p {
			t.Fatalf("key %d is of the partitions %d and %d", i, p, again)
		}
		count[p]++
	}
	for p, n := range count {
		if n < keys/partitions*8/10 || n > keys/partitions*12/10 {
			t.Errorf("partition %d has %d of %d keys, want about %d", p, n, keys, keys/partitions)
		}
	}
	if got, want := partition.Of("42", 8), 4; got != want {
		t.Errorf("partition of 42 is %d, want %d: another hash would change the partition of every key", got, want)
	}
}

// group holds what each member claims.
type group map[string][]int

// settle has all members take what Assign gives them, and returns the owners.
func (g group) settle(partitions int) []string {
	owners := partition.Assign(partitions, g)
	for member := range g {
		g[member] = of(owners, member)
	}
	return owners
}

func of(owners []string, member string) (all []int) {
	for p, owner := range owners {
		if owner == member {
			all = append(all, p)
		}
	}
	return all
}

// spread returns the smallest and the largest number of partitions that a member has.
func (g group) spread(owners []string) (least, most int) {
	least = len(owners)
	for member := range g {
		n := len(of(owners, member))
		least, most = min(least, n), max(most, n)
	}
	return least, most
}

// TestADeploymentMovesOnlyWhatItMust has processes join and leave at random.
func TestADeploymentMovesOnlyWhatItMust(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, partitions := range []int{1, 8, 32} {
		g := group{"first": nil}
		before, next := g.settle(partitions), 0
		for step := range 500 {
			joins := len(g) == 1 || len(g) < 12 && random.IntN(2) == 0
			var must int
			if joins {
				g[fmt.Sprint("member-", next)] = nil
				next++
				must = partitions / len(g)
			} else {
				leaves := slices.Sorted(maps.Keys(g))[random.IntN(len(g))]
				must = len(g[leaves])
				delete(g, leaves)
			}
			after := g.settle(partitions)
			if least, most := g.spread(after); slices.Contains(after, "") || most > least+1 {
				t.Fatalf("step %d: %d members have %d to %d of %d partitions, want a spread within one: %v", step, len(g), least, most, partitions, after)
			}
			if moved := differences(before, after); moved != must {
				t.Errorf("step %d: %d of %d partitions moved with %d members, want %d", step, moved, partitions, len(g), must)
			}
			before = after
		}
	}
}

func differences(a, b []string) (n int) {
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// TestMembersAgreeWhenAnnouncementsCross lets each member know only the claims that have arrived,
// in a random order.
func TestMembersAgreeWhenAnnouncementsCross(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	const partitions = 8
	for round := range 100 {
		n := 2 + random.IntN(6)
		views := make(map[string]group)
		for i := range n {
			views[fmt.Sprint(round, "-", i)] = group{}
		}
		type announcement struct {
			to, from string
			claims   []int
		}
		var wire []announcement
		tell := func(from string, claims []int) {
			for to := range views {
				wire = append(wire, announcement{to, from, claims})
			}
		}
		for _, member := range slices.Sorted(maps.Keys(views)) {
			views[member][member] = nil
			tell(member, nil)
		}
		told := 0
		for len(wire) > 0 {
			if told++; told > 5000 {
				t.Fatalf("round %d: %d members do not agree: %v", round, n, views)
			}
			i := random.IntN(len(wire))
			// Announcements of one member keep their order.
			i = slices.IndexFunc(wire, func(a announcement) bool { return a.to == wire[i].to && a.from == wire[i].from })
			a := wire[i]
			wire = slices.Delete(wire, i, i+1)
			view := views[a.to]
			if a.from != a.to {
				view[a.from] = a.claims
			}
			mine := of(partition.Assign(partitions, view), a.to)
			if !slices.Equal(mine, view[a.to]) {
				view[a.to] = mine
				tell(a.to, mine)
			}
		}
		union := group{}
		for member, view := range views {
			union[member] = view[member]
		}
		owners := partition.Assign(partitions, union)
		for member := range union {
			if !slices.Equal(of(owners, member), union[member]) {
				t.Errorf("round %d: %s claims %v, want %v", round, member, union[member], of(owners, member))
			}
		}
		if least, most := union.spread(owners); most > least+1 {
			t.Errorf("round %d: members have %d to %d partitions, want a spread within one", round, least, most)
		}
	}
}
