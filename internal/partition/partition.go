// Package partition chooses the partition of a key, and the partitions of each process.
package partition

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"slices"
)

// Of returns the partition of a key, 0 to partitions-1. All processes return the same.
func Of(key string, partitions int) int {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	return int(mix(h.Sum64()) % uint64(partitions))
}

// mix spreads the bits of h, because FNV returns similar hashes for similar texts. It is the finalizer
// of MurmurHash3.
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// weight is the weight of a member for a partition, as in rendezvous hashing.
func weight(member string, partition int) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint32([]byte(member), uint32(partition)))
	return mix(h.Sum64())
}

// Assign returns the member that each partition belongs to, given what each member claims. The
// numbers of partitions of any two members differ by one at most. A claim is kept if that is
// possible, and all else is decided by rendezvous hashing, so that members which know the same
// claims agree. Claims out of range are ignored. Without members it returns empty names.
func Assign(partitions int, claims map[string][]int) (owners []string) {
	owners = make([]string, partitions)
	if len(claims) == 0 {
		return owners
	}
	for member, claimed := range claims {
		for _, p := range claimed {
			if p >= 0 && p < partitions && (owners[p] == "" || prefer(claims, member, owners[p], p) < 0) {
				owners[p] = member
			}
		}
	}
	room := shares(owners, claims)
	drop(owners, room)
	fill(owners, room)
	return owners
}

// prefer orders two members that claim a partition: the one with fewer claims is first, because
// the other one is about to give up some.
func prefer(claims map[string][]int, a, b string, p int) int {
	return cmp.Or(cmp.Compare(len(claims[a]), len(claims[b])), cmp.Compare(weight(b, p), weight(a, p)), cmp.Compare(a, b))
}

// shares returns how many partitions each member is to have. Members that have more get the larger
// shares.
func shares(owners []string, claims map[string][]int) map[string]int {
	has, members := make(map[string]int, len(claims)), make([]string, 0, len(claims))
	for _, owner := range owners {
		has[owner]++
	}
	for member := range claims {
		members = append(members, member)
	}
	slices.SortFunc(members, func(a, b string) int {
		return cmp.Or(cmp.Compare(has[b], has[a]), cmp.Compare(weight(b, len(owners)), weight(a, len(owners))), cmp.Compare(a, b))
	})
	share := make(map[string]int, len(members))
	for i, member := range members {
		share[member] = (len(owners) + len(members) - 1 - i) / len(members)
	}
	return share
}

// drop takes from each member what is beyond its share, by weight, and turns the shares into what
// is left of them.
func drop(owners []string, room map[string]int) {
	for _, c := range choices(owners, room) {
		if owners[c.partition] != c.member {
			continue
		}
		if room[c.member] == 0 {
			owners[c.partition] = ""
			continue
		}
		room[c.member]--
	}
}

// fill gives what has no owner to the members that have room, by weight.
func fill(owners []string, room map[string]int) {
	for _, c := range choices(owners, room) {
		if owners[c.partition] == "" && room[c.member] > 0 {
			owners[c.partition] = c.member
			room[c.member]--
		}
	}
}

// choice is a partition that may belong to a member.
type choice struct {
	member    string
	partition int
	weight    uint64
}

// choices returns all pairs of a member and a partition, by falling weight.
func choices(owners []string, members map[string]int) []choice {
	all := make([]choice, 0, len(members)*len(owners))
	for member := range members {
		for p := range owners {
			all = append(all, choice{member, p, weight(member, p)})
		}
	}
	slices.SortFunc(all, func(a, b choice) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.member, b.member), cmp.Compare(a.partition, b.partition))
	})
	return all
}
