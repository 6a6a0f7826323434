package apisource

import (
	"context"
	"fmt"
	"time"

	"github.com/auditship/auditship/agent/event"
)

// DefaultRetention is how long a gateway keeps its records unless its configuration
// (audit.retention_days) says otherwise.
const DefaultRetention = 60 * 24 * time.Hour

// retention is what is known of how long the gateway keeps its records.
type retention struct {
	assumed time.Duration // what was configured
	asked   time.Time     // when the oldest record was asked for last
	oldest  int64         // its time, in milliseconds; 0: not known
	moved   bool          // it was an older one before: the gateway deletes
	seen    time.Duration // how old it was then
	since   time.Time     // since when the gateway cannot be read; zero: it can
}

// oldestEvery is how often the gateway is asked for its oldest record.
const oldestEvery = time.Hour

// learn takes the time of the oldest record that the gateway has now.
func (r *retention) learn(oldest, now int64) {
	r.moved = r.moved || r.oldest != 0 && oldest > r.oldest
	r.oldest, r.seen = oldest, time.Duration(now-oldest)*time.Millisecond
}

// kept is how long the gateway keeps records: what was seen where it was seen to
// delete, else what is configured.
func (r *retention) kept() time.Duration {
	if r.moved {
		return r.seen
	}
	return r.assumed
}

// learnOldest asks for the oldest record when it is time to.
func (s *Source) learnOldest(ctx context.Context) error {
	if !s.retention.asked.IsZero() && s.cfg.now().Sub(s.retention.asked) < oldestEvery {
		return nil
	}
	oldest, err := s.reader.Oldest(ctx)
	if err != nil || oldest == 0 {
		return err // or the gateway does not tell
	}
	before := s.retention.oldest
	s.retention.asked = s.cfg.now()
	s.retention.learn(oldest, s.client.Now().UnixMilli())
	s.stats.Oldest.Store(oldest)
	s.debts.unsaved = s.debts.unsaved || before != s.retention.oldest
	return nil
}

// guard says what of the time to be read the gateway does not have any more.
func (s *Source) guard(from int64) {
	oldest := s.retention.oldest
	if oldest == 0 || from >= oldest {
		return
	}
	line := s.cfg.Log.Warn().Time("from", time.UnixMilli(from).UTC()).Time("oldest", time.UnixMilli(oldest).UTC())
	switch {
	case !s.resumed:
		line.Msg("since reaches behind the oldest record that the gateway still has; it keeps them for a time only (audit.retention_days, 60 by default)")
	case s.retention.moved:
		s.stats.Gap.Store(oldest - from)
		line.Msg("the gateway deleted records that were not read yet; what was exported can be imported: auditship import FILE")
	}
}

// Forgets is when the gateway begins to delete records that are not read, as it stands
// in a saved position; false where that cannot be told.
func Forgets(data []byte, keeps time.Duration) (from, at time.Time, ok bool) {
	p, err := parsePosition(data)
	if err != nil {
		return time.Time{}, time.Time{}, false
	}
	return p.Next, p.Next.Add(keeps), true
}

// countDown notes when records that were not read begin to be deleted and, while the
// gateway cannot be read, tells it.
func (s *Source) countDown(trouble bool) {
	unread := max(s.until, s.next)
	if unread == 0 {
		return
	}
	forgets := time.UnixMilli(unread).Add(s.retention.kept())
	s.stats.Forgets.Store(forgets.UnixMilli())
	s.stats.Kept.Store(s.retention.kept().Milliseconds())
	now := s.cfg.now()
	switch {
	case !trouble:
		if s.retention.since = (time.Time{}); s.forgetting {
			s.cfg.Owe(event.Debt{Kind: event.DebtForgetting, Ended: "the gateway is read again"})
		}
		s.forgetting = false
		return
	case s.retention.since.IsZero():
		s.retention.since = now
	case now.Sub(s.retention.since) < forgetfulPolls*s.cfg.PollInterval:
	default:
		s.forgetting = true
		s.cfg.Owe(event.Debt{Kind: event.DebtForgetting, Since: s.retention.since, Reason: forgettingReason(unread, s.retention.kept(), forgets.Sub(now))})
	}
}

// forgetfulPolls is for how many polls a gateway may not be read before it is told
// when it forgets.
const forgetfulPolls = 10

func forgettingReason(unread int64, kept, left time.Duration) string {
	text := fmt.Sprintf("the gateway cannot be read; what it recorded after %s and keeps for %s", time.UnixMilli(unread).UTC().Format(time.RFC3339), Days(kept))
	if left <= 0 {
		return text + " is being deleted for good now"
	}
	return "in " + Days(left) + " records will be gone for good: " + text + " is not read"
}

// Days is a time span in words of a person: whole days, or hours where it is short.
func Days(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d minutes", max(d, 0)/time.Minute)
}
