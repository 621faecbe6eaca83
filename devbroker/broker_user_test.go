package devbroker_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
)

// permissions are what users may do whose permissions are all for names that begin
// with mine, as RabbitMQ has it. A queue and an exchange called mine, and others, exist.
var permissions = map[string]struct {
	do   func(c *amqp.Channel) error
	want string // what is refused, in the words of 4.3; nothing if it is empty
}{
	"they declare a queue":                             {declaring("mine.2", nil), ""},
	"they do not declare a queue of others":            {declaring("others", nil), "configure access to queue 'others'"},
	"they do not let the broker choose a name":         {declaring("", nil), "configure access to queue 'amq.gen-*'"},
	"they delete a queue":                              {deleting("mine"), ""},
	"they do not delete a queue of others":             {deleting("others"), "configure access to queue 'others'"},
	"they do not delete a queue that is not there":     {deleting("none"), "configure access to queue 'none'"},
	"they purge a queue":                               {purging("mine"), ""},
	"they do not purge a queue of others":              {purging("others"), "read access to queue 'others'"},
	"they get from a queue":                            {getting("mine"), ""},
	"they do not get from a queue of others":           {getting("others"), "read access to queue 'others'"},
	"they consume a queue":                             {consuming("mine"), ""},
	"they do not consume a queue of others":            {consuming("others"), "read access to queue 'others'"},
	"they consume direct replies":                      {consuming("amq.rabbitmq.reply-to"), ""},
	"they bind a queue":                                {binding("mine", "mine"), ""},
	"they do not bind a queue of others":               {binding("others", "mine"), "write access to queue 'others'"},
	"they do not bind to an exchange of others":        {binding("mine", "others"), "read access to exchange 'others'"},
	"they do not bind to an exchange of the broker's":  {binding("mine", "amq.topic"), "read access to exchange 'amq.topic'"},
	"they do not unbind from an exchange of others":    {unbinding("mine", "others"), "read access to exchange 'others'"},
	"they do not bind an exchange of others":           {exchangeBinding("others", "mine"), "write access to exchange 'others'"},
	"they do not bind an exchange to one of others":    {exchangeBinding("mine", "others"), "read access to exchange 'others'"},
	"they declare an exchange":                         {exchanging("mine.2", nil), ""},
	"they do not declare an exchange of others":        {exchanging("others", nil), "configure access to exchange 'others'"},
	"they do not delete an exchange of others":         {exchangeDeleting("others"), "configure access to exchange 'others'"},
	"they publish to an exchange":                      {publishing("mine"), ""},
	"they do not publish to an exchange of others":     {publishing("others"), "write access to exchange 'others'"},
	"they do not publish to an exchange that is not":   {publishing("none"), "write access to exchange 'none'"},
	"they do not publish to a queue by its name":       {publishing(""), "write access to exchange 'amq.default'"},
	"they send dead letters to an exchange":            {declaring("mine.3", deadLettersTo("mine")), ""},
	"they do not send dead letters to one of others":   {declaring("mine.3", deadLettersTo("others")), "write access to exchange 'others'"},
	"they send what no binding takes to an exchange":   {exchanging("mine.3", otherwiseTo("mine")), ""},
	"they do not send what no binding takes to others": {exchanging("mine.3", otherwiseTo("others")), "write access to exchange 'others'"},
}

func deadLettersTo(exchange string) amqp.Table { return amqp.Table{"x-dead-letter-exchange": exchange} }

func otherwiseTo(exchange string) amqp.Table { return amqp.Table{"alternate-exchange": exchange} }

func declaring(queue string, args amqp.Table) func(*amqp.Channel) error {
	return func(c *amqp.Channel) error {
		_, err := c.QueueDeclare(queue, true, false, false, false, args)
		return err
	}
}

func deleting(queue string) func(*amqp.Channel) error {
	return func(c *amqp.Channel) error {
		_, err := c.QueueDelete(queue, false, false, false)
		return err
	}
}

func purging(queue string) func(*amqp.Channel) error {
	return func(c *amqp.Channel) error {
		_, err := c.QueuePurge(queue, false)
		return err
	}
}

func getting(queue string) func(*amqp.Channel) error {
	return func(c *amqp.Channel) error {
		_, _, err := c.Get(queue, true)
		return err
	}
}

func consuming(queue string) func(*amqp.Channel) error {
	return func(c *amqp.Channel) error {
		_, err := c.Consume(queue, "", true, false, false, false, nil)
		return err
	}
}

func binding(queue, exchange string) func(*amqp.Channel) error {
	return func(c *amqp.Channel) error { return c.QueueBind(queue, "k", exchange, false, nil) }
}

func unbinding(queue, exchange string) func(*amqp.Channel) error {
	return func(c *amqp.Channel) error { return c.QueueUnbind(queue, "k", exchange, nil) }
}

func exchangeBinding(to, from string) func(*amqp.Channel) error {
	return func(c *amqp.Channel) error { return c.ExchangeBind(to, "k", from, false, nil) }
}

func exchanging(exchange string, args amqp.Table) func(*amqp.Channel) error {
	return func(c *amqp.Channel) error {
		return c.ExchangeDeclare(exchange, "direct", true, false, false, false, args)
	}
}

func exchangeDeleting(exchange string) func(*amqp.Channel) error {
	return func(c *amqp.Channel) error { return c.ExchangeDelete(exchange, false, false) }
}

func looking(c *amqp.Channel) error {
	_, err := c.QueueDeclarePassive("mine", true, false, false, false, nil)
	return err
}

func exchangeLooking(exchange string) func(*amqp.Channel) error {
	return func(c *amqp.Channel) error {
		return c.ExchangeDeclarePassive(exchange, "direct", true, false, false, false, nil)
	}
}

// publishing publishes and then asks for something: a channel that was closed meanwhile
// says why.
func publishing(exchange string) func(*amqp.Channel) error {
	return func(c *amqp.Channel) error {
		closed := c.NotifyClose(make(chan *amqp.Error, 1))
		err := c.Publish(exchange, "k", false, false, amqp.Publishing{})
		if err == nil {
			err = c.Qos(1, 0, false)
		}
		if errors.Is(err, amqp.ErrClosed) {
			return <-closed // which came before the question was asked
		}
		return err
	}
}

// generated is the part of a text that differs each time.
var generated = regexp.MustCompile(`amq\.gen-[\w-]+`)

func TestPermissions(t *testing.T) {
	t.Parallel()
	u := devbroker.User{Configure: "^mine", Write: "^mine", Read: "^mine"}
	for _, version := range []string{"3.10", "4.0", "4.3"} {
		for name, tt := range permissions {
			t.Run(version+": "+name, func(t *testing.T) {
				t.Parallel()
				check(t, "got", refused(t, version, u, tt.do), refusal(tt.want, version))
			})
		}
	}
}

// TestOnePermission is about users who have only one permission, but that for everything.
func TestOnePermission(t *testing.T) {
	t.Parallel()
	nothing := devbroker.User{Configure: "^$", Write: "^$", Read: "^$"}
	configures, writes, reads := nothing, nothing, nothing
	configures.Configure, writes.Write, reads.Read = ".*", ".*", ".*"
	for name, tt := range map[string]struct {
		user    devbroker.User
		version string
		do      func(c *amqp.Channel) error
		want    string
	}{
		"who configures looks for a queue":                     {configures, "4.3", looking, ""},
		"who writes looks for a queue":                         {writes, "4.3", looking, ""},
		"who reads looks for a queue":                          {reads, "4.3", looking, ""},
		"who has none does not look for a queue":               {nothing, "4.3", looking, "configure access to queue 'mine'"},
		"who has none looked for a queue on 4.0":               {nothing, "4.0", looking, ""},
		"who has none looked for a queue on 3.10":              {nothing, "3.10", looking, ""},
		"who reads looks for an exchange":                      {reads, "4.3", exchangeLooking("mine"), ""},
		"who has none does not look for an exchange":           {nothing, "4.3", exchangeLooking("mine"), "configure access to exchange 'mine'"},
		"who has none looked for an exchange on 4.0":           {nothing, "4.0", exchangeLooking("mine"), ""},
		"who cannot read a queue does not take its dead":       {configures, "4.3", declaring("new", deadLettersTo("mine")), "read access to queue 'new'"},
		"who cannot read an exchange does not send on from it": {configures, "4.3", exchanging("new", otherwiseTo("mine")), "read access to exchange 'new'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "got", refused(t, tt.version, tt.user, tt.do), refusal(tt.want, tt.version))
		})
	}
}

// refused returns how the broker refuses what a user does where there are queues and
// exchanges called mine and others.
func refused(t *testing.T, version string, u devbroker.User, do func(*amqp.Channel) error) string {
	t.Helper()
	u.Name, u.Password = "u", "u"
	b := pipe(t, devbroker.Config{Version: version, Users: []devbroker.User{{Name: "all", Password: "all"}, u}})
	c := connect(t, b)
	for _, name := range []string{"mine", "others"} {
		c.declare(name, nil)
		c.must(exchanging(name, nil)(c.Channel))
	}
	conn, err := dial(b, "amqp://u:u@devbroker.invalid/")
	if err != nil {
		t.Fatal(err)
	}
	return generated.ReplaceAllString(text(do(open(t, conn).Channel)), "amq.gen-*")
}

// refusal is how a version says that something is refused.
func refusal(what, version string) string {
	if _, object, ok := strings.Cut(what, "access"); ok && version == "3.10" {
		what = "access" + object // it does not say which
	}
	if what == "" {
		return ""
	}
	return "ACCESS_REFUSED - " + what + " in vhost '/' refused for user 'u'"
}

// TestPermissionsChangeWhileConnected, and only of users that there are.
func TestPermissionsChangeWhileConnected(t *testing.T) {
	t.Parallel()
	dev, err := devbroker.Start(devbroker.Config{Users: []devbroker.User{{Name: "u", Password: "p"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}()
	conn, err := amqp.Dial(strings.Replace(dev.URL(), "guest:guest", "u:p", 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		configure string
		code      int
	}{{"^$", amqp.AccessRefused}, {".*", 0}} {
		if err := dev.SetPermissions(devbroker.User{Name: "u", Configure: step.configure}); err != nil {
			t.Fatal(err)
		}
		ch, err := conn.Channel()
		if err != nil {
			t.Fatal(err)
		}
		refused, code := declaring("q", nil)(ch), 0
		if e, ok := errors.AsType[*amqp.Error](refused); ok {
			code = e.Code
		}
		if code != step.code {
			t.Errorf("with configure %q: %v, want code %d", step.configure, refused, step.code)
		}
	}
	if err := dev.SetPermissions(devbroker.User{Name: "nobody"}); err == nil {
		t.Error("the permissions of nobody were set")
	}
}
