package demo

import (
	"strconv"

	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/catcher"
	"github.com/warren-mq/warren/examples/signup/internal/live"
)

var _ live.Demo = (*Demo)(nil)

// Snapshot returns the state of the demo. The figures of the broker and the databases are
// from the last poll; the state that buttons change is current.
func (d *Demo) Snapshot() live.Snapshot {
	s := *d.snapshot.Load()
	s.MailServer, s.Reset = d.mailServer(), d.watch.lastReset()
	s.Broker.Cut, s.Story = d.watch.lastCut(), d.results.story()
	s.Doing, s.Ended = d.job.now()
	return s
}

// Journey returns the journey of a sign-up so far.
func (d *Demo) Journey(id string) (live.Journey, bool) { return d.watch.journeys.get(id, d.queues()) }

// Inbox returns the latest mails.
func (d *Demo) Inbox(to string, limit int) []live.Mail {
	caught := d.catcher.Inbox(to, limit)
	mails := make([]live.Mail, len(caught))
	for i, m := range caught {
		mails[i] = shown(m)
	}
	return mails
}

// Mail returns one mail.
func (d *Demo) Mail(id string) (live.Mail, bool) {
	number, err := strconv.Atoi(id)
	if err != nil {
		return live.Mail{}, false
	}
	m, ok := d.catcher.Mail(number)
	if _, told := d.Journey(m.Account); !told {
		m.Account = ""
	}
	return shown(m), ok
}

func shown(m catcher.Mail) live.Mail {
	return live.Mail{
		ID: strconv.Itoa(m.Number), Number: m.Number, At: m.At, From: m.From, To: m.To, Kind: m.Kind,
		Subject: m.Subject, Text: m.Text, Links: m.Links, Account: m.Account,
	}
}

// queues returns the names of all queues.
func (d *Demo) queues() (names []string) {
	for _, q := range app.Queues() {
		names = append(names, d.prefix+q)
	}
	return names
}

func (d *Demo) mailServer() live.MailServer {
	sent, failed := d.watch.count(d.prefix+app.WelcomeQueue, d.prefix+app.VerificationQueue)
	if d.elsewhere != "" {
		return live.MailServer{Elsewhere: d.elsewhere, Accepted: sent, Failed: failed}
	}
	state := d.catcher.State()
	m := live.MailServer{Mode: live.MailHealthy, Delay: state.Delay, Accepted: state.Accepted, Failed: failed, Bounces: state.Bounces}
	switch {
	case state.Stopped:
		m.Mode = live.MailStopped
	case state.Delay > 0:
		m.Mode = live.MailSlow
	}
	return m
}

// Ready reports whether every queue has its consumer, and the relay is ready.
func (d *Demo) Ready() bool { return d.app.Worker().Health().Ready && d.app.Outbox().Health().Ready }

// Busy reports whether an action of a button is still running.
func (d *Demo) Busy() bool {
	doing, _ := d.job.now()
	return doing != ""
}

// Delivered returns the number of mails that the catcher has accepted.
func (d *Demo) Delivered() int64 { return d.catcher.State().Accepted }
