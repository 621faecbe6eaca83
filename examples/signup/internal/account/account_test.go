package account_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/database/databasetest"
	"github.com/warren-mq/warren/outbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestValidateSaysWhatIsWrongWithEachField(t *testing.T) {
	t.Parallel()
	good := account.Input{Email: "alice@example.test", Name: "Alice", Password: "correct horse"}
	for name, tt := range map[string]struct {
		change                func(*account.Input)
		email, nameW, passwrd string // what the faults contain; empty if the field is valid
	}{
		"all is well":               {func(*account.Input) {}, "", "", ""},
		"nothing is given":          {func(in *account.Input) { *in = account.Input{} }, "missing", "missing", "missing"},
		"no address at all":         {func(in *account.Input) { in.Email = "alice" }, "not an e-mail address", "", ""},
		"an address with a name":    {func(in *account.Input) { in.Email = "A <a@example.test>" }, "address alone: a@example.test", "", ""},
		"two lines in an address":   {func(in *account.Input) { in.Email = "a@example.test\r\nBcc: b@example.test" }, "not an e-mail address", "", ""},
		"too long an address":       {func(in *account.Input) { in.Email = strings.Repeat("x", 250) + "@example.test" }, "at most 254", "", ""},
		"a name of spaces":          {func(in *account.Input) { in.Name = "  " }, "", "missing", ""},
		"too long a name":           {func(in *account.Input) { in.Name = strings.Repeat("é", 101) }, "", "101 characters", ""},
		"two lines in a name":       {func(in *account.Input) { in.Name = "A\nB" }, "", "cannot be shown", ""},
		"a name that is not text":   {func(in *account.Input) { in.Name = "\xff" }, "", "cannot be shown", ""},
		"too short a password":      {func(in *account.Input) { in.Password = "éééé" }, "", "", "4 characters"},
		"too long a password":       {func(in *account.Input) { in.Password = strings.Repeat("x", 201) }, "", "", "201 characters"},
		"an address and a password": {func(in *account.Input) { in.Email, in.Password = "x", "x" }, "not an e-mail", "", "1 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := good
			tt.change(&in)
			got := in.Validate()
			if got == nil {
				got = &account.InputError{}
			}
			for _, f := range [][2]string{{got.Email, tt.email}, {got.Name, tt.nameW}, {got.Password, tt.passwrd}} {
				if (f[0] == "") != (f[1] == "") || !strings.Contains(f[0], f[1]) {
					t.Errorf("got %q, want %q", f[0], f[1])
				}
			}
			if text := got.Error(); strings.Contains(text, "  ") || strings.TrimSpace(text) != text {
				t.Errorf("%q is not a sentence", text)
			}
		})
	}
}

func TestAHashMatchesItsPasswordAlone(t *testing.T) {
	t.Parallel()
	h := account.NewHasher()
	one, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	other, err := h.Hash(t.Context(), "correct horse")
	if err != nil || one == other || !strings.HasPrefix(one, "$argon2id$v=19$m=7168,t=5,p=1$") {
		t.Errorf("got %s and %s, %v; want two hashes with their parameters, by their salts", one, other, err)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct horsf": false, "": false} {
		if got, err := h.Matches(t.Context(), password, one); got != want || err != nil {
			t.Errorf("%q matches: %v, %v; want %v", password, got, err, want)
		}
	}
	for _, hash := range []string{"", "none", "$argon2id$v=19$m=7168,t=5,p=1$nothing", strings.Replace(one, "t=5", "t=1", 1)} {
		if _, err := h.Matches(t.Context(), "correct horse", hash); err == nil {
			t.Errorf("Matches accepts %q as a hash", hash)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	full := &account.Hasher{} // its limit is zero, so Hash blocks
	if _, err := full.Hash(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// open opens a store at where, until the test ends.
func open(t *testing.T, where string) *account.Store {
	t.Helper()
	s, err := account.Open(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.DB.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func alice() account.Account {
	return account.New(account.Input{Email: "alice@example.test", Name: " Alice "}, "hash")
}

func (p pending) of(t *testing.T, s *account.Store) (n int) {
	t.Helper()
	if err := s.DB.QueryRowContext(t.Context(), string(p)).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

type pending string

const events pending = "SELECT count(*) FROM warren_outbox"

func TestConcurrentSignUpsWithOneAddressCreateOneAccount(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, where string) {
		s, same := open(t, where), open(t, where)
		var wg sync.WaitGroup
		var mu sync.Mutex
		added, told := 0, 0
		for i := range 40 {
			a, store := alice(), []*account.Store{s, same}[i%2]
			if i%3 == 0 {
				a.Email = strings.ToUpper(a.Email)
			}
			wg.Go(func() {
				owner, err := store.Add(t.Context(), a, func(owner account.Account) []outbox.Message {
					return []outbox.Message{{Exchange: "events", Key: "k", Aggregate: a.ID, Body: owner}}
				})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil:
					t.Error(err)
				case owner == a:
					added++
				case strings.EqualFold(owner.Email, a.Email):
					told++
				}
			})
		}
		wg.Wait()
		n, err := s.Count(t.Context())
		if added != 1 || told != 39 || n != 1 || err != nil || events.of(t, s) != 40 {
			t.Errorf("%d were added and %d had an owner already, and there are %d accounts and %d events, %v; want 1, 39, 1 and 40", added, told, n, events.of(t, s), err)
		}
	})
}

func TestAnEventThatCannotBeWrittenLeavesNoAccount(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, where string) {
		s := open(t, where)
		wrong := func(account.Account) []outbox.Message {
			return []outbox.Message{{Exchange: "events", Key: "k", Body: func() {}}}
		}
		if _, err := s.Add(t.Context(), alice(), wrong); err == nil {
			t.Error("Add accepts a function as the body of an event, want an error")
		}
		if n, err := s.Count(t.Context()); n != 0 || err != nil || events.of(t, s) != 0 {
			t.Errorf("there are %d accounts and %d events, %v; want none", n, events.of(t, s), err)
		}
	})
}

func TestAnAccountIsFoundVerifiedAndGetsANewPassword(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, where string) {
		s, a := open(t, where), alice()
		if _, err := s.Add(t.Context(), a, nil); err != nil {
			t.Fatal(err)
		}
		if got, err := s.ByEmail(t.Context(), "Alice@Example.test"); got != a || err != nil {
			t.Errorf("got %+v, %v; want %+v", got, err, a)
		}
		first := time.UnixMilli(1_700_000_000_000).UTC()
		for _, at := range []time.Time{first, first.Add(time.Hour)} {
			if got, err := s.Verify(t.Context(), a.ID, at); !got.VerifiedAt.Equal(first) || err != nil {
				t.Errorf("verified at %v, %v; want %v", got.VerifiedAt, err, first)
			}
		}
		if err := s.SetPassword(t.Context(), a.ID, "hash", "other"); err != nil {
			t.Error(err)
		}
		if err := s.SetPassword(t.Context(), a.ID, "hash", "third"); !errors.Is(err, account.ErrUnknown) {
			t.Errorf("a second time: %v, want %v", err, account.ErrUnknown)
		}
		if got, err := s.ByID(t.Context(), a.ID); got.PasswordHash != "other" || got.Stamp() == a.Stamp() || err != nil {
			t.Errorf("got %+v, %v; want another hash, and another stamp", got, err)
		}
		if _, err := s.Verify(t.Context(), "nobody", first); !errors.Is(err, account.ErrUnknown) {
			t.Errorf("got %v, want %v", err, account.ErrUnknown)
		}
	})
}
