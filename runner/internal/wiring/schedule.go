package wiring

import (
	"log/slog"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/schedule"
)

// Scheduler returns a scheduler for c's schedules, whose bodies codecs encode. It may be nil for
// the topology alone.
func Scheduler(c *config.Config, b broker.Config, codecs *Codecs, log *slog.Logger, onEvent func(schedule.Event)) *schedule.Scheduler {
	s := schedule.Config{Name: c.Scheduler.Name, Broker: b, Renew: time.Duration(c.Scheduler.Renew), Logger: log, OnEvent: onEvent}
	confirm := c.ConfirmsSchedules()
	for _, e := range c.Schedules {
		one := schedule.Entry{
			Name: e.Name, Cron: e.Cron, Timezone: e.Timezone, Exchange: e.Exchange, Key: e.Key,
			Body: e.Body, ContentType: e.ContentType, Headers: e.Headers, Priority: e.Priority, Confirm: confirm,
			Missed: schedule.Policy(e.Missed), MaxMissed: e.MaxMissed, Tolerance: time.Duration(e.Tolerance),
		}
		if e.Codec != "" {
			one.Codec = later{handler.Raw(), codecs, e.Codec}
		}
		s.Entries = append(s.Entries, one)
	}
	return schedule.New(s)
}
