package devbroker_test

import (
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/devbroker/internal/wire"
)

const shutdown = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"

func TestCloseNotifiesClients(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(c *client, b *devbroker.Broker){
		"that do nothing": func(*client, *devbroker.Broker) {},
		"that consume": func(c *client, _ *devbroker.Broker) {
			c.declare("q", nil)
			c.put("q", "1", "2")
			next(c.t, c.listen("q", 1))
		},
		"that are blocked": func(c *client, b *devbroker.Broker) {
			b.Block("")
			blocked := c.conn.NotifyBlocked(make(chan amqp.Blocking, 1))
			go func() { _ = c.Publish("", "q", false, false, amqp.Publishing{}) }()
			<-blocked
		},
		"that publish a message at this moment": func(c *client, b *devbroker.Broker) {
			b.Block("")
			blocked := c.conn.NotifyBlocked(make(chan amqp.Blocking, 1))
			go func() { _ = c.Publish("", "q", false, false, amqp.Publishing{Body: make([]byte, 1<<20)}) }()
			<-blocked
		},
		"that wait for the confirm of a fault": func(c *client, b *devbroker.Broker) {
			c.declare("q", nil)
			b.Inject(devbroker.Fault{On: devbroker.OnConfirm, Delay: time.Hour})
			c.send("", "q", "1")
		},
		"whose queue has timers": func(c *client, _ *devbroker.Broker) {
			c.declare("q", amqp.Table{"x-expires": 1000000, "x-message-ttl": 2000000})
			c.put("q", "1")
			c.pull()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
				c := connect(t, b)
				begin(c, b)
				start := time.Now()
				if err := b.Close(); err != nil {
					t.Error(err)
				}
				check(t, "time to close", time.Since(start), 0)
				check(t, "the client hears", reason(t, c.lost), shutdown)
			})
		})
	}
}

// TestCloseDoesNotHang is about clients that do not do what they should.
func TestCloseDoesNotHang(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(w *wired){
		"that say nothing":                    func(*wired) {},
		"that read nothing":                   func(w *wired) { w.write([]byte(protocol)) },
		"that read nothing, long since":       func(w *wired) { w.write([]byte(protocol)); time.Sleep(time.Hour) },
		"that do not log in":                  func(w *wired) { w.write([]byte(protocol)); see[*wire.ConnectionStart](w) },
		"that have the wrong password":        func(w *wired) { w.loginAs("\x00guest\x00wrong") },
		"that do not answer connection.close": func(w *wired) { w.login(0); w.drain() },
		"that answer connection.close with heartbeats": func(w *wired) {
			w.login(0)
			w.drain()
			w.chatter(wire.AppendHeartbeat(nil))
		},
		"that send what is no frame, and go on": func(w *wired) {
			w.login(0)
			w.drain()
			w.chatter([]byte("this is no frame at all"))
		},
		"that do not read any more": func(w *wired) { w.login(0) },
		"that do not read what they have asked for": func(w *wired) {
			w.login(0)
			w.channel()
			for range 100 {
				w.send(1, &wire.BasicQos{PrefetchCount: 1})
			}
		},
		"that have not read for long, and are thought dead": func(w *wired) {
			w.login(10)
			w.channel()
			w.send(1, &wire.BasicQos{PrefetchCount: 1})
			time.Sleep(time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
				w := wiredTo(t, b)
				begin(w)
				closed := make(chan error)
				go func() { closed <- b.Close() }()
				select {
				case err := <-closed:
					if err != nil {
						t.Error(err)
					}
				case <-time.After(10*time.Second + time.Millisecond):
					t.Error("Close still waits after 10s")
					_ = w.conn.Close()
					if err := <-closed; err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

// loginAs tries to log in and reads nothing of the answer.
func (w *wired) loginAs(response string) {
	w.t.Helper()
	w.write([]byte(protocol))
	see[*wire.ConnectionStart](w)
	w.send(0, startOk("PLAIN", response))
}

// drain reads all that comes from now on.
func (w *wired) drain() {
	go func() {
		for {
			if _, err := w.in.Next(); err != nil {
				return
			}
		}
	}()
}

// chatter sends the same once a second.
func (w *wired) chatter(b []byte) {
	go func() {
		for {
			if _, err := w.conn.Write(b); err != nil {
				return
			}
			select {
			case <-w.t.Context().Done():
				return
			case <-time.After(time.Second):
			}
		}
	}()
}

func TestAClientThatIsThoughtDead(t *testing.T) {
	t.Parallel()
	for name, heartbeat := range map[string]uint16{"with heartbeats": 30} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
				c := connect(t, b)
				c.declare("q", nil)
				c.put("q", "1")
				w := wiredTo(t, b)
				w.login(heartbeat)
				w.channel()
				w.send(1, &wire.BasicGet{Queue: "q"})
				time.Sleep(59 * time.Second)
				check(t, "messages in hand after 59s of silence", queue(b, "q").Unacked, 1)
				time.Sleep(2 * time.Second)
				check(t, "messages in hand after 61s of silence", queue(b, "q").Unacked, 0)
				check(t, "it comes again", c.pull().Redelivered, true)
			})
		})
	}
}
