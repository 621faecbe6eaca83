package main

import (
	"context"
	"errors"
	"time"
)

func memoryAlarm(ctx context.Context, s *stage) error {
	return s.alarm(
		ctx, []string{"set_vm_memory_high_watermark", "0.0000001"},
		[]string{"set_vm_memory_high_watermark", "absolute", restoreMemory},
	)
}

func diskAlarm(ctx context.Context, s *stage) error {
	return s.alarm(ctx, []string{"set_disk_free_limit", "900000GB"}, []string{"set_disk_free_limit", restoreDiskFree})
}

// alarm raises an alarm for 100 s, during which one worker stops. Another one replaces it
// after the alarm.
func (s *stage) alarm(ctx context.Context, raise, lower []string) error {
	return s.repeat(ctx, func(int) error {
		s.sayf("alarm")
		if err := s.nodes.ctlAll(ctx, raise); err != nil {
			return err
		}
		s.pause(ctx, 50*time.Second)
		took, err := s.fleet.stop()
		s.stopped = max(s.stopped, took)
		s.pause(ctx, 50*time.Second-took)
		err = errors.Join(err, s.nodes.ctlAll(ctx, lower), s.fleet.add())
		s.pause(ctx, 20*time.Second)
		return err
	})
}
