package rabbit_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/rabbit"
)

func TestATestOverPipesHasItsBrokerAndItsTime(t *testing.T) {
	t.Setenv("AMQP_URL", "pipe:")
	var urls []string
	for _, name := range []string{"one", "another"} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			rabbit.Bubble(t, func(t *testing.T) {
				url := rabbit.URL(t)
				urls = append(urls, url)
				ch := rabbit.Channel(t, url)
				publish(t, ch, declare(t, ch))
				<-time.After(24 * time.Hour)
				if ch.IsClosed() {
					t.Error("the connection was lost within a day")
				}
			})
			if took := time.Since(began); took > time.Hour {
				t.Errorf("it took %v", took)
			}
		})
	}
	if len(urls) != 2 || urls[0] == urls[1] {
		t.Errorf("the brokers are %q, want one for each", urls)
	}
}

func TestASkipInABubbleIsASkip(t *testing.T) {
	t.Setenv("AMQP_URL", "pipe:")
	var skipped, went bool
	t.Run("part", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		rabbit.Bubble(t, func(t *testing.T) { rabbit.NeedsDisk(t) })
		went = true
	})
	if !skipped || went {
		t.Errorf("skipped %v, continued %v, want a skip", skipped, went)
	}
}

func TestAPipeIsCutAndHeldBack(t *testing.T) {
	t.Setenv("AMQP_URL", "pipe:")
	rabbit.Bubble(t, func(t *testing.T) {
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		ch := rabbit.Channel(t, proxy.URL())
		queue := declare(t, ch)
		proxy.Delay(t, 2*time.Second)
		if took := roundTrip(t, ch, queue); took != 4*time.Second {
			t.Errorf("a round trip took %v, want twice 2s", took)
		}
		proxy.Cut()
		if !ch.IsClosed() {
			<-time.After(time.Second)
		}
		if !ch.IsClosed() {
			t.Error("the client has not seen the cut")
		}
		host := proxy.URL()[len("amqp://guest:guest@") : len(proxy.URL())-1]
		if _, err := rabbit.Dial(context.Background(), "tcp", host); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a cut proxy gives %v, want a refusal", err)
		}
		proxy.Restore(t)
		proxy.Delay(t, 0)
		rabbit.Connect(t, proxy.URL())
	})
}
