package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/strictyaml"
)

// period is what --last, --from, --to and --timezone say together.
type period struct {
	last, from, to string
	timezone       string
}

// addFlags gives a command the flags of a period. upTo says where --last ends.
func (p *period) addFlags(cmd *cobra.Command, upTo string) {
	flags := cmd.Flags()
	flags.StringVar(&p.last, "last", "", "the `time` up to "+upTo+": 12h, 30d, 2w")
	flags.StringVar(&p.from, "from", "", "first `time`, included")
	flags.StringVar(&p.to, "to", "", "last `time`, not included; a date is, as a whole day")
	flags.StringVar(&p.timezone, "timezone", "UTC", "of dates and of printed times: an IANA `name`, UTC or local")
	cmd.MarkFlagsMutuallyExclusive("last", "from")
	cmd.MarkFlagsMutuallyExclusive("last", "to")
}

// bounds are the instants that the period begins at and ends before, zero where it
// is open, and the zone in which times are printed.
func (p *period) bounds(now time.Time) (from, to time.Time, zone *time.Location, err error) {
	if zone, err = parseZone(p.timezone); err != nil {
		return from, to, nil, err
	}
	if p.last != "" {
		span, err := strictyaml.ParseDuration(p.last)
		if err != nil {
			return from, to, nil, fmt.Errorf("--last: %w", err)
		}
		from = now.Add(-span.Duration())
	}
	if p.from != "" {
		if from, _, err = parseTime(p.from, zone); err != nil {
			return from, to, nil, fmt.Errorf("--from: %w", err)
		}
	}
	if p.to != "" {
		at, isDate, err := parseTime(p.to, zone)
		if err != nil {
			return from, to, nil, fmt.Errorf("--to: %w", err)
		}
		if isDate {
			at = at.AddDate(0, 0, 1)
		}
		to = at
	}
	if !to.IsZero() && !from.Before(to) {
		return from, to, nil, fmt.Errorf("the period is empty: --from %s is not before --to %s", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	return from, to, zone, nil
}

// parseTime reads an RFC 3339 time, or a date, which is its first moment.
func parseTime(s string, zone *time.Location) (at time.Time, isDate bool, err error) {
	if at, err = time.ParseInLocation(time.DateOnly, s, zone); err == nil {
		return at, true, nil
	}
	if at, err = time.Parse(time.RFC3339, s); err == nil {
		return at, false, nil
	}
	return at, false, fmt.Errorf("%q is neither a date such as 2026-11-20 nor a time such as 2026-11-20T15:04:05Z", s)
}

func parseZone(name string) (*time.Location, error) {
	if strings.EqualFold(name, "local") {
		return time.Local, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("--timezone: %q is no time zone such as Europe/Berlin", name)
	}
	return zone, nil
}
