package conformance_test

import (
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

var loginScenarios = []scenario{
	{
		name: "a wrong password is refused, and said so to a client that can hear it",
		do: func(c *client) {
			var turns []turn
			for _, login := range [][2]string{
				{"PLAIN", "\x00guest\x00wrong"}, {"PLAIN", "\x00nobody\x00guest"}, {"AMQPLAIN", amqplain("guest", "wrong")},
			} {
				turns = append(turns, turn{login[0], func() *raw {
					r := c.rawStarted()
					r.login(login[0], login[1])
					return r
				}})
			}
			c.abreast(2, turns...)
		},
		want: `
			PLAIN: connection.close 403 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile. (method 0.0)
			PLAIN: disconnected
			PLAIN: connection.close 403 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile. (method 0.0)
			PLAIN: disconnected
			AMQPLAIN: connection.close 403 ACCESS_REFUSED - Login was refused using authentication mechanism AMQPLAIN. For details see the broker logfile. (method 0.0)
			AMQPLAIN: disconnected`,
	},
	{
		name: "a client that cannot hear it is kept waiting a while, then cut off",
		do: func(c *client) {
			r := c.rawStarted()
			r.send(0, "connection.start-ok", table{}, "PLAIN", []byte("\x00guest\x00wrong"), "en_US")
			r.see(1)
		},
		want: "disconnected",
	},
	{
		name: "AMQPLAIN takes name and password from a table",
		do: func(c *client) {
			r := c.rawStarted()
			r.login("AMQPLAIN", amqplain("guest", "guest"))
			r.see(1)
		},
		want: "connection.tune channel-max 2047, frame-max 131072, heartbeat 60",
	},
	{
		name: "an unknown mechanism and a broken response are cut off without a word",
		do: func(c *client) {
			var turns []turn
			for _, login := range [][2]string{
				{"EXTERNAL", "guest"},
				{"", "guest"},
				{"plain", "\x00guest\x00guest"},
				{"PLAIN", "guest"},
				{"PLAIN", ""},
				{"PLAIN", "someone\x00guest\x00guest"},
				{"AMQPLAIN", "guest"},
				{"AMQPLAIN", ""},
			} {
				turns = append(turns, turn{fmt.Sprintf("%q", login), func() *raw {
					r := c.rawStarted()
					r.login(login[0], login[1])
					return r
				}})
			}
			c.abreast(1, turns...)
		},
		want: `
			["EXTERNAL" "guest"]: disconnected
			["" "guest"]: disconnected
			["plain" "\x00guest\x00guest"]: disconnected
			["PLAIN" "guest"]: disconnected
			["PLAIN" ""]: disconnected
			["PLAIN" "someone\x00guest\x00guest"]: disconnected
			["AMQPLAIN" "guest"]: disconnected
			["AMQPLAIN" ""]: disconnected`,
	},
	{
		name: "an unknown virtual host is refused",
		do: func(c *client) {
			_, err := c.tryDial(amqp.Config{Vhost: "nowhere"})
			c.notef("%s", reason(err))
		},
		want: "530 NOT_ALLOWED - vhost nowhere not found",
	},
	{
		name: "a secret may be renewed",
		do: func(c *client) {
			c.notef("%v", fmt.Sprint(c.conn.UpdateSecret("guest", "routine")))
			c.sync()
		},
		want: "<nil>",
	},
}
