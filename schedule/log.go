package schedule

// log writes e as one line. Published ticks are logged at level debug only.
func (s *Scheduler) log(e Event) {
	log := s.config.Logger.With("group", s.config.Name)
	switch e := e.(type) {
	case Changed:
		if e.Err != nil {
			log.Warn("schedule: "+e.Role, "error", e.Err)
			return
		}
		log.Info("schedule: " + e.Role)
	case Published:
		log.Debug("schedule: published", "entry", e.Entry, "tick", stamp(e.Tick), "message_id", e.MessageID, "late", e.Late)
	case Failed:
		log.Error("schedule: tick not published, trying again", "entry", e.Entry, "tick", stamp(e.Tick), "error", e.Err)
	case Missed:
		log.Warn("schedule: missed ticks dropped", "entry", e.Entry, "first", stamp(e.First), "last", stamp(e.Last))
	case Differs:
		log.Warn("schedule: another process has entries that the leader does not have; they are not published", "process", e.Process, "entries", e.Entries)
	case Unreadable:
		log.Warn("schedule: removed a message from the token queue that no scheduler wrote", "error", e.Err)
	}
}
