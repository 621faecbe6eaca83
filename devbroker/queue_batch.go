package devbroker

import (
	"cmp"
	"slices"
	"strconv"
)

// batches divides deliveries as RabbitMQ's channels do: what one consumer holds of a queue
// is one batch, and what each basic.get has fetched is one.
func batches(deliveries []*delivery) [][]*delivery {
	return divide(deliveries, func(a, b *delivery) int {
		return cmp.Or(cmp.Compare(a.queue.name, b.queue.name), byConsumer(a, b))
	})
}

// byConsumer puts each basic.get before the consumers, which follow in the order of their
// tags.
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

// lostBatches divides the deliveries of a lost channel, of which a queue takes back all at
// once. A quorum queue takes them back consumer by consumer.
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

// compareLost is the order in which a quorum queue takes back from the consumers of a lost
// channel. To RabbitMQ, a basic.get is a consumer whose tag is the delivery's as text.
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

// holder is the tag under which a quorum queue knows who holds the delivery.
func (d *delivery) holder() string {
	if d.consumer == nil {
		return strconv.FormatUint(d.tag, 10)
	}
	return d.consumer.tag
}

// divide sorts deliveries, and cuts them where two are not equal.
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
