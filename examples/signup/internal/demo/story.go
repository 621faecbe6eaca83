package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
)

// Sizes and limits of the chapters.
const (
	fewPeople      = 5
	stoppedPeople  = 10
	cutPeople      = 30
	cutInHand      = 8
	flooded        = 9000
	mailDelay      = 300 * time.Millisecond // per mail, so that mails are in hand and wait
	chapterTimeout = 2 * time.Minute
	arrivalTimeout = 30 * time.Second
)

// chapter is a step of the story that the live page plays.
type chapter struct {
	title, about string
	play         func(*Demo, context.Context) (string, error) // returns what it measured, as a sentence
}

// chapters returns the story in its order.
func chapters() [live.Chapters]chapter {
	return [live.Chapters]chapter{
		{"Sign up both ways", "With a slow mail server, 5 people sign up with an event, and 1 the old way.", (*Demo).bothWays},
		{"Stop the mail server", "10 people sign up meanwhile; their mails are retried, and then dead-lettered.", (*Demo).whileStopped},
		{"Fix it and replay", "The dead letters go back to their queues, and the mails arrive.", (*Demo).fixAndReplay},
		{"Kill the connection", "30 people sign up, and the connection is cut while their mails are in hand.", (*Demo).killAndCount},
		{"Reset a password", "Its mail has priority 10, and overtakes 9,000 welcome mails.", (*Demo).overtake},
	}
}

// results holds what the chapters have measured. It is safe for concurrent use.
type results struct {
	mu  sync.Mutex
	all [live.Chapters]live.Chapter // without Title and About
}

func (r *results) set(i int, c live.Chapter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[i] = c
}

// story returns the chapters with their results.
func (r *results) story() []live.Chapter {
	r.mu.Lock()
	defer r.mu.Unlock()
	story := make([]live.Chapter, live.Chapters)
	for i, c := range chapters() {
		story[i] = r.all[i]
		story[i].Title, story[i].About = c.title, c.about
	}
	return story
}

// play plays chapter n, from 1, or all chapters if n is 0.
func (d *Demo) play(n int) (string, error) {
	if n < 0 || n > live.Chapters {
		return "", fmt.Errorf("no step %d in the story, want 1 to %d", n, live.Chapters)
	}
	first, last, doing := n, n, fmt.Sprintf("Playing step %d.", n)
	if n == 0 {
		first, last, doing = 1, live.Chapters, "Playing all steps."
	}
	return doing, d.job.begin(doing, func(ctx context.Context) string {
		failed := 0
		for i := first; i <= last && ctx.Err() == nil; i++ {
			if !d.playOne(ctx, i-1) {
				failed++
			}
		}
		played := "Played " + some(last-first+1, "step")
		switch {
		case ctx.Err() != nil:
			return "The story was stopped."
		case failed > 0:
			return fmt.Sprintf("%s, %d of them failed.", played, failed)
		}
		return played + "."
	})
}

// playOne plays a chapter, and reports whether it reached its end.
func (d *Demo) playOne(ctx context.Context, i int) bool {
	d.results.set(i, live.Chapter{Playing: true})
	playing, cancel := context.WithTimeoutCause(ctx, chapterTimeout, fmt.Errorf("not finished within %v", chapterTimeout))
	defer cancel()
	said, err := chapters()[i].play(d, playing)
	switch {
	case ctx.Err() != nil:
		said = "It was stopped before its end."
	case err != nil:
		d.log.Error("demo: chapter failed", "chapter", i+1, "error", err)
		said = err.Error()
	}
	d.results.set(i, live.Chapter{Result: said, Bad: err != nil})
	return err == nil
}

// bothWays signs people up both ways while the mail server is slow.
func (d *Demo) bothWays(ctx context.Context) (string, error) {
	if _, err := d.mailAction(live.Action{Verb: live.SlowMail}); err != nil {
		return "", err
	}
	_, failed := d.signUpCrowd(ctx, live.PostSignUp, crowdName(), fewPeople, false)
	_, old := d.signUpCrowd(ctx, live.PostSignUpSync, crowdName(), 1, false)
	_, fixed := d.mailAction(live.Action{Verb: live.FixMail})
	if err := errors.Join(failed, old, fixed); err != nil {
		return "", err
	}
	return fmt.Sprintf("The answer takes %s, and %s the old way.",
		live.Duration(d.watch.newWay.figures().P50), live.Duration(d.watch.oldWay.figures().P50)), nil
}

// whileStopped signs people up while the mail server is stopped, and waits until their mails
// are dead letters.
func (d *Demo) whileStopped(ctx context.Context) (string, error) {
	if err := d.sendAll(ctx); err != nil {
		return "", err
	}
	if _, err := d.mailAction(live.Action{Verb: live.StopMail}); err != nil {
		return "", err
	}
	before, mails := d.deadLetters(), 2*stoppedPeople
	if _, err := d.signUpCrowd(ctx, live.PostSignUp, crowdName(), stoppedPeople, false); err != nil {
		return "", err
	}
	d.job.say("Waiting until their mails have failed four times.")
	if err := until(ctx, func() bool { return d.deadLetters() >= before+mails }); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d people have an answer, by the median in %s; their %d mails are dead letters.",
		stoppedPeople, live.Duration(d.watch.newWay.figures().P50), mails), nil
}

// fixAndReplay fixes the mail server, replays all dead letters, and waits until their mails have
// arrived.
func (d *Demo) fixAndReplay(ctx context.Context) (string, error) {
	if _, err := d.mailAction(live.Action{Verb: live.FixMail}); err != nil {
		return "", err
	}
	before := d.Delivered()
	done, err := d.replayAll(ctx, d.queues())
	switch {
	case err != nil:
		return "", err
	case done == 0:
		return "", errors.New("no dead letters to replay: play step 2 first")
	}
	_ = untilWithin(ctx, arrivalTimeout, func() bool { return d.Delivered() >= before+int64(done) }) // the result contains how many arrived
	arrived := min(int64(done), d.Delivered()-before)
	return fmt.Sprintf("Replayed %s: %d of %d mails arrived.", some(done, "dead letter"), arrived, done), ctx.Err()
}

// killAndCount cuts the connections while mails are in hand, and counts the people whose sign-up
// did not come to its end.
func (d *Demo) killAndCount(ctx context.Context) (string, error) {
	if err := d.sendAll(ctx); err != nil {
		return "", err
	}
	d.catcher.Slow(mailDelay)
	defer d.catcher.Slow(0)
	name := crowdName()
	if _, err := d.signUpCrowd(ctx, live.PostSignUp, name, cutPeople, true); err != nil {
		return "", err
	}
	_ = untilWithin(ctx, time.Second, func() bool { return d.watch.handling() >= cutInHand }) // the result contains how many were in hand
	d.job.say(d.cutConnections())
	settled := func() bool {
		c := d.watch.lastCut()
		return c.Reconnected > 0 && c.Outstanding == 0 && d.watch.journeys.done(name, d.queues()) == cutPeople
	}
	err := untilWithin(ctx, arrivalTimeout, settled)
	c, ended := d.watch.lastCut(), d.watch.journeys.done(name, d.queues())
	if c.Reconnected == 0 {
		return "", fmt.Errorf("not reconnected: %w", err)
	}
	return fmt.Sprintf("Reconnected in %s, %d lost of %d in hand; %d of %d people have both mails.",
		live.Duration(c.Reconnected), c.Outstanding, c.InHand, ended, cutPeople), ctx.Err()
}

// overtake resets a password behind a flood of welcome mails.
func (d *Demo) overtake(ctx context.Context) (string, error) {
	d.catcher.Slow(mailDelay) // otherwise fewer mails would wait
	defer d.catcher.Slow(0)
	d.job.say("Publishing " + some(flooded, "welcome mail") + " and one password reset.")
	if err := d.flood(ctx, flooded); err != nil {
		return "", err
	}
	d.job.say("Waiting until the mail of the password reset is sent.")
	err := until(ctx, func() bool { r := d.watch.lastReset(); return r != nil && r.Position > 0 })
	if err != nil {
		return "", err
	}
	r := d.watch.lastReset()
	return fmt.Sprintf("Its mail went out as number %s, past %s that waited.", live.Count(r.Position), live.Count(r.Flood)), nil
}

// sendAll fixes the mail server if it is the catcher, and waits until no mail of an earlier action
// waits, so that those mails do not count for the chapter.
func (d *Demo) sendAll(ctx context.Context) error {
	if d.elsewhere == "" {
		if err := d.catcher.Fix(); err != nil {
			return err
		}
	}
	d.job.say("Waiting until the earlier mails are sent.")
	return until(ctx, func() bool {
		s := d.snapshot.Load()
		waiting := s.Outbox.Waiting
		for _, q := range s.Queues {
			waiting += q.Ready + q.InHand + q.Retrying
		}
		return waiting == 0
	})
}

// deadLetters returns the number of dead letters at the last look at the broker.
func (d *Demo) deadLetters() (n int) {
	for _, q := range d.snapshot.Load().Queues {
		n += q.Dead
	}
	return n
}

// untilWithin is until with a limit.
func untilWithin(ctx context.Context, limit time.Duration, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return until(ctx, ok)
}

// until waits until ok returns true. It returns the cause if ctx is done first.
func until(ctx context.Context, ok func() bool) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-look.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
