package command

import (
	"context"
	"errors"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/runner/internal/config"
)

// TestDoctorWarnsIfItCouldNotTestThePermissions because of the time, or a lost connection.
func TestDoctorWarnsIfItCouldNotTestThePermissions(t *testing.T) {
	t.Parallel()
	dev, err := devbroker.Start(devbroker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dev.Close() })
	for name, tt := range map[string]struct {
		spoil func(cancel func(), s *amqp.Session) error
		want  string
	}{
		"all were tested":        {func(func(), *amqp.Session) error { return nil }, "ok"},
		"the time is over":       {func(cancel func(), _ *amqp.Session) error { cancel(); return nil }, "warning"},
		"the connection is lost": {func(_ func(), s *amqp.Session) error { return s.Close() }, "warning"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s, err := amqp.Dial(ctx, amqp.Config(broker.Config{URL: dev.URL()}), "test")
			if err == nil {
				err = tt.spoil(cancel, s)
			}
			if err != nil {
				t.Fatal(err)
			}
			e := &examination{whole: new(config.Config), config: new(config.Config), session: s}
			e.checkPermissions(ctx)
			e.checkFleet(ctx)
			for _, f := range e.findings {
				if f.Status != tt.want {
					t.Errorf("%s is %s: %s, want %s", f.Check, f.Status, f.Finding, tt.want)
				}
			}
			if err := s.Close(); err != nil && !errors.Is(err, amqp.ErrClosed) {
				t.Error(err)
			}
		})
	}
}
