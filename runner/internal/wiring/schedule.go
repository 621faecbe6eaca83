package wiring

import (
	"log/slog"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/schedule"
)

// Scheduler is that of the schedules of c.
func Scheduler(c *config.Config, b broker.Config, log *slog.Logger) *schedule.Scheduler {
	s := schedule.Config{Name: c.Scheduler.Name, Broker: b, Renew: time.Duration(c.Scheduler.Renew), Logger: log}
	for _, e := range c.Schedules {
		s.Entries = append(s.Entries, schedule.Entry{
			Name: e.Name, Cron: e.Cron, Timezone: e.Timezone, Exchange: e.Exchange, Key: e.Key,
			Body: e.Body, ContentType: e.ContentType, Headers: e.Headers, Priority: e.Priority,
			Missed: schedule.Policy(e.Missed), MaxMissed: e.MaxMissed, Tolerance: time.Duration(e.Tolerance),
		})
	}
	return schedule.New(s)
}
