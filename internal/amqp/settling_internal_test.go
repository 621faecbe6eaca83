package amqp

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// account is the broker's side: who is unsettled, and what became of the others.
func account(t *testing.T, want map[uint64]answer, all []told) {
	t.Helper()
	left := maps.Clone(want)
	settle := func(tag uint64, as answer, by told) {
		meant, open := left[tag]
		if !open {
			t.Errorf("%+v settles %d again: the broker would close the channel", by, tag)
		} else if meant != as {
			t.Errorf("%+v settles %d as %d, want %d", by, tag, as, meant)
		}
		delete(left, tag)
	}
	low := uint64(1)
	for _, by := range all {
		if !by.multiple {
			settle(by.tag, by.as, by)
			continue
		}
		for ; low <= by.tag; low++ { // below low everything is settled
			if _, open := left[low]; open {
				settle(low, by.as, by)
			}
		}
	}
	if len(left) > 0 {
		t.Errorf("%d of %d were never settled: %v", len(left), len(want), left)
	}
}

// FuzzSettler has hands take deliveries in order and complete them in any: each is
// settled exactly once, with its own answer.
func FuzzSettler(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed, uint16(1+seed*7%300), uint8(seed%5), uint8(1+seed%30))
	}
	f.Fuzz(func(t *testing.T, seed uint64, count uint16, mix, prefetch uint8) {
		r := rand.New(rand.NewPCG(seed, uint64(mix)))
		channel := newRecorder()
		s := newSettler(channel, max(int(prefetch), 1))
		want := make(map[uint64]answer)
		for tag := range uint64(count % 2000) {
			want[tag+1] = randomAnswer(r, mix)
		}
		deliveries := make(chan uint64, 10)
		var hands sync.WaitGroup
		hands.Go(func() {
			defer close(deliveries)
			for tag := range uint64(len(want)) {
				s.took(tag + 1)
				deliveries <- tag + 1
			}
		})
		for hand := range uint64(4) {
			hands.Go(func() { complete(t, s, rand.New(rand.NewPCG(seed, hand)), deliveries, want) })
		}
		hands.Wait()
		s.wait(t.Context())
		s.stop()
		account(t, want, channel.rest())
		if s.put(settlement{tag: 1}) {
			t.Error("an outcome was taken after the end")
		}
	})
}

// complete is one hand: it holds a few deliveries and lets go of any.
func complete(t *testing.T, s *settler, r *rand.Rand, deliveries <-chan uint64, want map[uint64]answer) {
	var held []uint64
	let := func(i int) {
		if !s.put(settlement{tag: held[i], as: want[held[i]]}) {
			t.Errorf("%d was not taken", held[i])
		}
		held = slices.Delete(held, i, i+1)
	}
	for tag := range deliveries {
		if held = append(held, tag); len(held) > r.IntN(8) {
			let(r.IntN(len(held)))
		}
	}
	for len(held) > 0 {
		let(r.IntN(len(held)))
	}
}

// randomAnswer is ack mostly, and always if mix is 0.
func randomAnswer(r *rand.Rand, mix uint8) answer {
	if mix == 0 || r.IntN(256) >= int(mix)*8 {
		return ack
	}
	return answer(r.IntN(3))
}

// TestGoroutinesThatReceiveTogether: a goroutine may settle a delivery before an earlier one of another
// goroutine. That must not settle the earlier one.
func TestGoroutinesThatReceiveTogether(t *testing.T) {
	t.Parallel()
	for range 400 {
		receiveTogether(t, 200)
		if t.Failed() {
			return
		}
	}
}

func receiveTogether(t *testing.T, count uint64) {
	t.Helper()
	channel := &recorder{all: make(chan told, count)}
	deliveries := make(chan amqp091.Delivery, count)
	c := &Consumer{queue: "q", stopped: make(chan struct{}), drained: make(chan struct{}), deliveries: deliveries, settler: newSettler(channel, 16), ready: make(chan struct{}, 16), noted: make(chan struct{})}
	go c.note()
	want := make(map[uint64]answer, count)
	for tag := uint64(1); tag <= count; tag++ {
		want[tag] = ack
		deliveries <- amqp091.Delivery{DeliveryTag: tag}
	}
	close(deliveries)
	var hands sync.WaitGroup
	for range 16 {
		hands.Go(func() {
			for d, ok := c.Receive(nil); ok; d, ok = c.Receive(nil) {
				if err := d.Ack(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	hands.Wait()
	c.settler.stop()
	account(t, want, channel.rest())
}

// TestASlowFirstMessageDelaysNoOtherAck: with the first delivery still in hand the others are
// settled all the same.
func TestASlowFirstMessageDelaysNoOtherAck(t *testing.T) {
	t.Parallel()
	channel := newRecorder()
	s := newSettler(channel, 1000) // more than will be ready: the timer must do it
	want := map[uint64]answer{1: ack}
	for tag := uint64(1); tag <= 10; tag++ {
		s.took(tag)
		want[tag] = ack
	}
	for tag := uint64(2); tag <= 10; tag++ {
		s.put(settlement{tag: tag, as: ack})
	}
	var all []told
	for len(all) < 9 {
		all = append(all, <-channel.all)
	}
	s.put(settlement{tag: 1, as: ack})
	all = append(all, <-channel.all)
	s.stop()
	account(t, want, append(all, channel.rest()...))
}

// TestALostSettlerLetsGo: no caller waits for a result that cannot come.
func TestALostSettlerLetsGo(t *testing.T) {
	t.Parallel()
	channel := newRecorder()
	s := newSettler(channel, 10)
	s.took(1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.wait(context.Background())
	}()
	s.lose()
	<-ended
	if s.put(settlement{tag: 1}) {
		t.Error("an outcome was taken, and there is no channel")
	}
	s.stop()
	if all := channel.rest(); len(all) > 0 {
		t.Errorf("told %v after the loss", all)
	}
}

// TestAFailingChannelEndsTheSettler, so that later outcomes are stale.
func TestAFailingChannelEndsTheSettler(t *testing.T) {
	t.Parallel()
	s := newSettler(&recorder{fault: errors.New("closed")}, 1)
	s.took(1)
	s.took(2)
	s.put(settlement{tag: 1})
	<-s.gone
	if s.put(settlement{tag: 2}) {
		t.Error("an outcome was taken, and the channel is gone")
	}
	s.wait(t.Context())
}

// TestWaitObeysItsContext while a handler still runs.
func TestWaitObeysItsContext(t *testing.T) {
	t.Parallel()
	s := newSettler(newRecorder(), 10)
	s.took(1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	s.wait(ctx)
	if ctx.Err() == nil {
		t.Error("wait returned with a delivery in hand")
	}
	s.stop()
}
