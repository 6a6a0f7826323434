package apisource

import (
	"fmt"
	"slices"
	"time"

	"github.com/auditship/auditship/agent/event"
)

// A debt is a stretch of time of which the gateway counts more records than it has
// shown. It is read again now and then until a pass over its pages is complete, and
// holds nothing newer up meanwhile.
type debt struct {
	// Name tells it from others while its bounds change: where it began.
	Name  string    `json:"name"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"` // exclusive
	Since time.Time `json:"since"`
	// Missing is how many records the gateway counted and did not show.
	Missing int64 `json:"missing"`

	found int64 // that came since, by this process
}

func (d debt) from() int64 { return d.From.UnixMilli() }
func (d debt) to() int64   { return d.To.UnixMilli() }

// debts are the open ones, by time; none touches another. They are saved with the
// position. The zero value has none.
type debts struct {
	open    []debt
	ended   []debt
	joined  []string // names of those that became part of another
	unsaved bool     // they changed since the position was saved
	untold  bool     // they changed since they were told

	retry retry
}

// retry is one round of reading all debts again, a window at each poll.
type retry struct {
	next  time.Time // when the round begins
	tries int       // rounds that left something open
	at    int64     // how far the round is; 0: it has not begun
}

const (
	// maxDebts bounds the debts: of more, the two that are nearest to each other
	// become one.
	maxDebts = 32
	// debtsSoon is how many polls pass until a debt is read again for the first
	// time; the pause then doubles up to debtsLate.
	debtsSoon = 2
	debtsLate = 15 * time.Minute
)

// add notes that a window was read and is not complete.
func (d *debts) add(from, to, missing int64, now time.Time, poll time.Duration) {
	one := debt{From: time.UnixMilli(from).UTC(), To: time.UnixMilli(to).UTC(), Since: now.UTC(), Missing: max(missing, 1)}
	one.Name = unused(one.From.Format(time.RFC3339), d.open)
	if len(d.open) == 0 {
		d.retry = retry{next: now.Add(debtsSoon * poll)}
	}
	for i, o := range d.open {
		if !one.From.Before(o.From) && !one.To.After(o.To) { // it is known
			if one.Missing > o.Missing {
				d.open[i].Missing, d.unsaved, d.untold = one.Missing, true, true
			}
			return
		}
	}
	d.unsaved, d.untold = true, true
	d.open = append(d.open, one)
	slices.SortStableFunc(d.open, func(a, b debt) int { return a.From.Compare(b.From) })
	for i := 0; i+1 < len(d.open); {
		if d.open[i+1].From.After(d.open[i].To) {
			i++
			continue
		}
		d.join(i)
	}
	for len(d.open) > maxDebts {
		d.join(d.nearest())
	}
}

// unused is a name that none of the debts has: another one may have begun at the same
// time and been paid in part.
func unused(name string, lists ...[]debt) string {
	for _, list := range lists {
		if slices.ContainsFunc(list, func(o debt) bool { return o.Name == name }) {
			return unused(name+"+", lists...)
		}
	}
	return name
}

// join makes one of a debt and the next.
func (d *debts) join(i int) {
	a, b := d.open[i], d.open[i+1]
	if b.Since.Before(a.Since) {
		a.Name, b.Name, a.Since = b.Name, a.Name, b.Since
	}
	d.joined = append(d.joined, b.Name)
	if b.From.Before(a.To) {
		a.Missing = max(a.Missing, b.Missing) // mostly the same ones
	} else {
		a.Missing += b.Missing
	}
	if b.To.After(a.To) {
		a.To = b.To
	}
	a.found += b.found
	d.open[i] = a
	d.open = slices.Delete(d.open, i+1, i+2)
}

// nearest is the debt that is followed by another the soonest.
func (d *debts) nearest() int {
	best := 0
	for i := range len(d.open) - 1 {
		if d.open[i+1].From.Sub(d.open[i].To) < d.open[best+1].From.Sub(d.open[best].To) {
			best = i
		}
	}
	return best
}

// pay notes that a window was read completely, and how many records came of it that
// had not come before.
func (d *debts) pay(from, to, news int64) {
	var open []debt
	for _, one := range d.open {
		if one.to() <= from || one.from() >= to {
			open = append(open, one)
			continue
		}
		d.unsaved, d.untold = true, true
		one.found += news
		before, behind := one, one
		before.To, behind.From = time.UnixMilli(from).UTC(), time.UnixMilli(to).UTC()
		rest := 0
		if before.From.Before(before.To) {
			open, rest = append(open, before), rest+1
		}
		if behind.From.Before(behind.To) {
			if rest > 0 {
				behind.Name, behind.found = unused(behind.From.Format(time.RFC3339), d.open, open), 0
			}
			open, rest = append(open, behind), rest+1
		}
		if rest == 0 {
			d.ended = append(d.ended, one)
		}
	}
	d.open = open
}

// due is the window to read again now.
func (d *debts) due(now time.Time) (from, to int64, ok bool) {
	if len(d.open) == 0 || now.Before(d.retry.next) {
		return 0, 0, false
	}
	for _, one := range d.open {
		if one.to() > d.retry.at {
			return max(one.from(), d.retry.at), one.to(), true
		}
	}
	return 0, 0, false
}

// tried notes how far a round is, and plans the next one at its end.
func (d *debts) tried(reached int64, now time.Time, poll time.Duration) {
	d.retry.at = reached
	if _, _, more := d.due(now); more {
		return
	}
	d.retry.at = 0
	d.retry.tries++
	d.retry.next = now.Add(min(debtsSoon*poll<<min(d.retry.tries, 16), debtsLate))
}

// tell says what arose, changed and ended.
func (d *debts) tell(owe func(event.Debt)) (lost int64) {
	for _, one := range d.ended {
		missing := max(one.Missing-one.found, 0)
		lost += missing
		end := fmt.Sprintf("read completely; %d records came late", one.found)
		if missing > 0 {
			end = fmt.Sprintf("the gateway does not count them any more: %d came late, %d were never shown", one.found, missing)
		}
		owe(event.Debt{Kind: event.DebtUnproven, Key: one.Name, Ended: end})
	}
	for _, name := range d.joined {
		owe(event.Debt{Kind: event.DebtUnproven, Key: name, Ended: "it is part of a longer one now"})
	}
	d.ended, d.joined, d.untold = nil, nil, false
	for _, one := range d.open {
		owe(event.Debt{
			Kind: event.DebtUnproven, Key: one.Name, Since: one.Since,
			Reason: fmt.Sprintf("the gateway counts some %d records from %s to %s that it does not show; asked again until it does",
				one.Missing, one.From.Format(time.RFC3339), one.To.Format(time.RFC3339)),
		})
	}
	return lost
}
