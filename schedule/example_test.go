package schedule_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/schedule"
)

// A complete program. However many replicas run, one message is published each night.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	s := schedule.New(schedule.Config{
		Name:   "reports",
		Broker: broker.Config{URL: os.Getenv("AMQP_URL")},
		Entries: []schedule.Entry{
			{Name: "nightly", Cron: "0 3 * * *", Timezone: "Europe/Rome", Exchange: "events", Key: "report.nightly"},
			{Name: "cleanup", Cron: "@every 15m", Exchange: "events", Key: "cleanup", Missed: schedule.Skip},
		},
	})
	if err := s.Run(ctx); err != nil {
		log.Print(err)
	}
}

// When the clock is set forward, a tick in the skipped hour comes right after the change.
func ExampleEntry_Next() {
	nightly := schedule.Entry{Name: "nightly", Cron: "30 2 * * *", Timezone: "Europe/Rome", Key: "reports"}
	tick := time.Date(2026, time.March, 28, 0, 0, 0, 0, time.UTC)
	for range 3 {
		tick = nightly.Next(tick)
		fmt.Println(tick)
	}
	// Output:
	// 2026-03-28 02:30:00 +0100 CET
	// 2026-03-29 03:00:00 +0200 CEST
	// 2026-03-30 02:30:00 +0200 CEST
}

// Validate returns all faults in one error, without a connection.
func ExampleConfig_Validate() {
	err := schedule.Config{Name: "reports", Broker: broker.Config{URL: "amqp://rabbitmq.example.org"}, Entries: []schedule.Entry{
		{Name: "nightly", Cron: "0 3 * * *", Timezone: "Rome", Key: "reports"},
		{Name: "nightly", Cron: "0 4 * * *", Key: "reports", Missed: "never"},
	}}.Validate()
	fmt.Println(err)
	// Output:
	// schedule: entry "nightly": Timezone is "Rome", want a name such as Europe/Rome: unknown time zone Rome
	// schedule: two entries are named "nightly"
	// schedule: entry "nightly": Missed is "never", want "once", "skip" or "all"
}

// Read returns the state of a group, from any process.
func ExampleRead() {
	state, err := schedule.Read(context.Background(), broker.Config{URL: os.Getenv("AMQP_URL")}, "reports")
	if err != nil {
		log.Print(err)
		return
	}
	for _, e := range state.Entries {
		log.Print(e.Name, " last ", e.Last, " next ", e.Next, " by ", state.Leader, " ", e.Error)
	}
}
