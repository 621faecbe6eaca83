package console

import (
	"fmt"
	"strconv"
	"strings"
)

var (
	dayNames = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	monthsOf = []string{
		"", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
	}
	shortcuts = map[string]string{
		"@yearly": "every year, on 1 January at 00:00", "@annually": "every year, on 1 January at 00:00",
		"@monthly": "every month, on day 1 at 00:00", "@weekly": "every Sunday at 00:00",
		"@daily": "every day at 00:00", "@midnight": "every day at 00:00", "@hourly": "every hour, at minute 0",
	}
)

// plain returns a cron expression in words. An expression that it cannot describe is returned as
// it is.
func plain(cron string) string {
	if text, ok := shortcuts[cron]; ok {
		return text
	}
	if every, ok := strings.CutPrefix(cron, "@every "); ok {
		return "every " + every
	}
	f := strings.Fields(cron)
	if len(f) == 5 {
		f = append([]string{"0"}, f...)
	}
	if len(f) != 6 {
		return cron
	}
	for i, field := range f {
		if field == "?" {
			f[i] = "*"
		}
	}
	text := timeOfDay(f[0], f[1], f[2])
	days := daysOf(f[3], f[4], f[5])
	if text == "" || days == "?" {
		return cron
	}
	if strings.HasPrefix(text, "at") && days == "" {
		days = "every day"
	}
	return strings.TrimSpace(strings.TrimSpace(days + " " + text))
}

// timeOfDay describes seconds, minutes and hours.
func timeOfDay(second, minute, hour string) string {
	s, secondOK := number(second)
	m, minuteOK := number(minute)
	h, hourOK := number(hour)
	tail := ""
	if secondOK && s != 0 {
		tail = fmt.Sprintf(":%02d", s)
	}
	switch {
	case !secondOK && minute == "*" && hour == "*":
		return every(second, "second")
	case !secondOK:
		return ""
	case minuteOK && hourOK:
		return fmt.Sprintf("at %02d:%02d%s", h, m, tail)
	case minuteOK && isList(hour):
		var times []string
		for one := range strings.SplitSeq(hour, ",") {
			h, _ := number(one)
			times = append(times, fmt.Sprintf("%02d:%02d%s", h, m, tail))
		}
		return "at " + strings.Join(times, ", ")
	case minuteOK && strings.HasPrefix(hour, "*"):
		return every(hour, "hour") + ", at minute " + strconv.Itoa(m)
	case hour == "*":
		return every(minute, "minute")
	case minute == "*" || strings.HasPrefix(minute, "*/"):
		return every(minute, "minute") + " of the hours " + strings.ReplaceAll(hour, "-", " to ")
	case minuteOK:
		return fmt.Sprintf("at minute %d of the hours %s", m, strings.ReplaceAll(hour, "-", " to "))
	}
	return ""
}

// every describes a field such as *, */5 or 1,2.
func every(field, unit string) string {
	if step, ok := strings.CutPrefix(field, "*/"); ok {
		if step == "1" {
			return "every " + unit
		}
		return "every " + step + " " + unit + "s"
	}
	if field == "*" {
		return "every " + unit
	}
	return "at " + unit + "s " + strings.ReplaceAll(field, "-", " to ")
}

// daysOf describes days of the month, months and days of the week. It returns "" for every day,
// and "?" for what it cannot describe.
func daysOf(day, month, week string) string {
	months := ""
	if month != "*" {
		months = " in " + names(month, monthsOf)
	}
	switch {
	case strings.Contains(months, "?"):
		return "?"
	case day != "*" && week != "*":
		return "?"
	case week != "*":
		if names := names(week, dayNames); names != "?" {
			return "every " + names + months
		}
		return "?"
	case day != "*":
		return "on day " + strings.ReplaceAll(day, "-", " to ") + " of the month" + months
	case months != "":
		return "every day" + months
	}
	return ""
}

// names describes a list or range of numbers or short names by their full names.
func names(field string, all []string) string {
	var out []string
	for one := range strings.SplitSeq(field, ",") {
		from, to, isRange := strings.Cut(one, "-")
		a, b := nameOf(from, all), nameOf(to, all)
		switch {
		case a == "" || isRange && b == "":
			return "?"
		case isRange:
			out = append(out, a+" to "+b)
		default:
			out = append(out, a)
		}
	}
	return strings.Join(out, ", ")
}

func nameOf(text string, all []string) string {
	if n, ok := number(text); ok {
		if n < len(all) {
			return all[n]
		}
		if n == 7 && len(all) == 7 {
			return all[0]
		}
		return ""
	}
	for _, name := range all {
		if len(text) == 3 && len(name) >= 3 && strings.EqualFold(name[:3], text) {
			return name
		}
	}
	return ""
}

func number(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0
}

func isList(field string) bool {
	for one := range strings.SplitSeq(field, ",") {
		if _, ok := number(one); !ok {
			return false
		}
	}
	return true
}
