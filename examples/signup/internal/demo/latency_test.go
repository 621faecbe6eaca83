package demo_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/live"
)

func p99(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[(len(d)-1)*99/100]
}

// bothWays signs up visitors one after the other, and one more the old way, while the mail
// server takes two seconds per mail.
func bothWays(tb testing.TB, visitors int) (answers []time.Duration, synchronous time.Duration) {
	tb.Helper()
	d := start(tb)
	if _, err := d.Do(tb.Context(), live.Action{Verb: live.SlowMail}); err != nil {
		tb.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for i := range visitors {
		answers = append(answers, post(tb, client, d.Site()+live.PostSignUp, fmt.Sprintf("new-%d@example.com", i)))
	}
	return answers, post(tb, client, d.Site()+live.PostSignUpSync, "old@example.com")
}

func TestASlowMailServerDelaysOnlyTheOldWay(t *testing.T) {
	const visitors = 50
	answers, synchronous := bothWays(t, visitors)
	slices.Sort(answers)
	if half := answers[visitors/2]; half > 2*time.Second {
		t.Errorf("the median answer took %v, want less than one mail takes", half)
	}
	if synchronous < 2*time.Second {
		t.Errorf("the old way took %v, want at least 2s", synchronous)
	}
}

// BenchmarkBothWays measures how long a visitor waits for an answer. Most of the new way's
// time is argon2id, which is slow on purpose, so the hash is also measured alone:
//
//	go test -run '^$' -bench BothWays -benchtime 1x ./examples/signup/internal/demo
func BenchmarkBothWays(b *testing.B) {
	const visitors = 500
	for range b.N {
		answers, synchronous := bothWays(b, visitors)
		hasher := account.NewHasher()
		hashes := make([]time.Duration, visitors/5)
		for i := range hashes {
			begun := time.Now()
			if _, err := hasher.Hash(b.Context(), "correct horse"); err != nil {
				b.Fatal(err)
			}
			hashes[i] = time.Since(begun)
		}
		report := func(d time.Duration, unit string) { b.ReportMetric(d.Seconds()*1000, unit) }
		b.ReportMetric(0, "ns/op")
		report(p99(answers), "p99-ms")
		report(answers[visitors/2], "p50-ms")
		report(synchronous, "old-way-ms")
		report(p99(hashes), "argon2id-p99-ms")
		b.ReportMetric(float64(synchronous)/float64(p99(answers)), "times-quicker")
	}
}
