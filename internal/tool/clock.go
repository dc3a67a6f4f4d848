package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones are known also where the system has no list of them, as in containers
)

// Clock tells the date and time, and reckons with them.
type Clock struct{ Now func() time.Time }

// Spec implements Tool.
func (Clock) Spec() Spec {
	return Spec{
		Name: "date_time",
		Description: "Tells the date, time and weekday now, in a time zone. With at it tells that moment in the zone instead; with add it moves it by a span; " +
			"with until it tells how long it is from the moment to that one.",
		Schema: json.RawMessage(`{"type":"object","properties":{` +
			`"zone":{"type":"string","description":"IANA name, for example Europe/Berlin. Default: UTC."},` +
			`"at":{"type":"string","description":"A moment: 2025-03-30, 2025-03-30T14:00 (in the zone) or 2025-03-30T14:00:00Z. Default: now."},` +
			`"add":{"type":"string","description":"A span: 3d, -2w, 1y, 6mo, 36h, 90m, 45s, or several of them with spaces."},` +
			`"until":{"type":"string","description":"Another moment, written like at."}},"additionalProperties":false}`),
	}
}

// Call implements Tool.
func (c Clock) Call(_ context.Context, _ Caller, args json.RawMessage) (Result, error) {
	var in struct{ Zone, At, Add, Until string }
	if err := json.Unmarshal(args, &in); err != nil {
		return Result{}, err
	}
	zone := time.UTC
	if in.Zone != "" {
		z, err := time.LoadLocation(in.Zone)
		if err != nil || in.Zone == "Local" {
			return Result{}, &Fault{fmt.Sprintf("there is no time zone %.60q; write an IANA name, for example Europe/Berlin or America/New_York", in.Zone)}
		}
		zone = z
	}
	at := c.Now().In(zone)
	if in.At != "" {
		var err error
		if at, err = moment(in.At, zone); err != nil {
			return Result{}, err
		}
	}
	if in.Add != "" {
		var err error
		if at, err = moved(at, in.Add); err != nil {
			return Result{}, err
		}
	}
	text := at.Format("Monday, 2006-01-02 15:04:05 -07:00") + " (" + zone.String() + ", " + at.Format("MST") + ")"
	_, week := at.ISOWeek()
	text += fmt.Sprintf("; day %d of the year, ISO week %d", at.YearDay(), week)
	if in.Until != "" {
		until, err := moment(in.Until, zone)
		if err != nil {
			return Result{}, err
		}
		text += "\nuntil " + until.Format("Monday, 2006-01-02 15:04:05 -07:00") + ": " + between(at, until)
	}
	return Result{Text: text}, nil
}

// moment reads a date, with a time and an offset or without.
func moment(s string, zone *time.Location) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, s, zone); err == nil {
			return at.In(zone), nil
		}
	}
	return time.Time{}, &Fault{fmt.Sprintf("%.60q is no moment; write 2025-03-30, 2025-03-30T14:00 or 2025-03-30T14:00:00Z", s)}
}

// maxSpan is the largest number in a span: beyond it years would have more than four digits, or wrap around.
const maxSpan = 1_000_000

// moved adds spans: days, weeks, months and years by the calendar, the others by the clock.
func moved(at time.Time, spans string) (time.Time, error) {
	for part := range strings.FieldsSeq(spans) {
		var n int
		var unit string
		if _, err := fmt.Sscanf(part, "%d%s", &n, &unit); err != nil || n > maxSpan || n < -maxSpan {
			return at, &Fault{fmt.Sprintf("%.60q is no span; write for example 3d, -2w, 1y, 6mo, 36h, 90m or 45s", part)}
		}
		switch unit {
		case "y":
			at = at.AddDate(n, 0, 0)
		case "mo":
			at = at.AddDate(0, n, 0)
		case "w":
			at = at.AddDate(0, 0, 7*n)
		case "d":
			at = at.AddDate(0, 0, n)
		case "h":
			at = at.Add(time.Duration(n) * time.Hour)
		case "m", "min":
			at = at.Add(time.Duration(n) * time.Minute)
		case "s":
			at = at.Add(time.Duration(n) * time.Second)
		default:
			return at, &Fault{fmt.Sprintf("%.60q is no span; its unit is y, mo, w, d, h, m or s", part)}
		}
	}
	if y := at.Year(); y < 1 || y > 9999 {
		return at, &Fault{"that is outside of the years 1 to 9999"}
	}
	return at, nil
}

// between says how long it is from one moment to another.
func between(a, b time.Time) string {
	sign := ""
	if b.Before(a) {
		a, b, sign = b, a, "-"
	}
	seconds := b.Unix() - a.Unix()
	// Days of the calendar, counted as UTC has them, so that a change of the clocks is not half a day.
	dayOf := func(t time.Time) int64 {
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400
	}
	return fmt.Sprintf("%s%d days by the calendar; %s%d h %d min %d s by the clock", sign, dayOf(b)-dayOf(a), sign, seconds/3600, seconds/60%60, seconds%60)
}
