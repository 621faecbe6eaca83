package devbroker

import (
	"cmp"
	"slices"
	"strconv"
)

// batches groups deliveries as RabbitMQ's channels do. The deliveries of one consumer of a
// queue are one batch. The delivery of each basic.get is a batch of its own.
func batches(deliveries []*delivery) [][]*delivery {
	return divide(deliveries, func(a, b *delivery) int {
		return cmp.Or(cmp.Compare(a.queue.name, b.queue.name), byConsumer(a, b))
	})
}

// byConsumer orders deliveries of basic.get before deliveries to consumers, and consumers by
// tag.
func byConsumer(a, b *delivery) int {
	switch {
	case a.consumer == nil && b.consumer == nil:
		return cmp.Compare(a.tag, b.tag)
	case a.consumer == nil:
		return -1
	case b.consumer == nil:
		return 1
	}
	return cmp.Compare(a.consumer.tag, b.consumer.tag)
}

// lostBatches groups the deliveries of a closed channel. The deliveries of each queue are
// one batch. In the batch of a quorum queue they are sorted by consumer.
func (ch *channel) lostBatches(deliveries []*delivery) [][]*delivery {
	sorted := slices.SortedStableFunc(slices.Values(deliveries), func(a, b *delivery) int {
		order := cmp.Compare(a.queue.name, b.queue.name)
		if order == 0 && a.queue.kind == quorum {
			order = ch.broker().gen.compareLost(a, b)
		}
		return order
	})
	return divide(sorted, func(a, b *delivery) int { return cmp.Compare(a.queue.name, b.queue.name) })
}

// compareLost orders the consumers of a closed channel as a quorum queue requeues their
// deliveries. RabbitMQ treats a basic.get as a consumer whose tag is the delivery tag as text.
func (g generation) compareLost(a, b *delivery) int {
	if !g.numbersConsumers {
		return cmp.Compare(a.holder(), b.holder())
	}
	switch {
	case a.consumer == nil && b.consumer == nil:
		return cmp.Compare(a.holder(), b.holder())
	case a.consumer == nil:
		return 1
	case b.consumer == nil:
		return -1
	}
	return cmp.Compare(a.consumer.number, b.consumer.number)
}

// holder returns the tag of the consumer to which a quorum queue assigns the delivery.
func (d *delivery) holder() string {
	if d.consumer == nil {
		return strconv.FormatUint(d.tag, 10)
	}
	return d.consumer.tag
}

// divide sorts deliveries and returns one group for each set of equal deliveries.
func divide(deliveries []*delivery, compare func(a, b *delivery) int) (all [][]*delivery) {
	if len(deliveries) == 1 {
		return [][]*delivery{deliveries}
	}
	deliveries = slices.SortedStableFunc(slices.Values(deliveries), compare)
	for i, d := range deliveries {
		if i == 0 || compare(deliveries[i-1], d) != 0 {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], d)
	}
	return all
}
