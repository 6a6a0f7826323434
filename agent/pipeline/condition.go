package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/bulk"
)

// condition notes that a part waits, or with an empty reason that it works again. It
// reports whether that is news that belongs on the log.
func (p *Pipeline) condition(part, reason string) bool {
	if !p.conditions.Set(part, reason) {
		return false
	}
	allowed, untold := p.told.allow(part, time.Now())
	if !allowed {
		return false
	}
	if untold > 0 {
		p.log.Warn().Int("changes", untold).Msg(part + " keeps changing; not every change is logged")
	}
	if reason == "" {
		p.log.Info().Msg(part + " works again")
	}
	return true
}

// What a part may say on the log, for a fault that comes and goes.
const (
	tellsAtOnce = 6
	tellsEvery  = time.Minute
)

// throttle lets each part say so much in a time. Its zero value is ready for use.
type throttle struct {
	mu    sync.Mutex
	parts map[string]*spell
}

// spell is a time in which a part said something.
type spell struct {
	began  time.Time
	told   int
	untold int
}

// allow reports whether a part may say something now, and how often it was not
// allowed to since it last was.
func (t *throttle) allow(part string, now time.Time) (allowed bool, untold int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.parts == nil {
		t.parts = map[string]*spell{}
	}
	s := t.parts[part]
	if s == nil {
		s = &spell{}
		t.parts[part] = s
	}
	if now.Sub(s.began) >= tellsEvery {
		untold = s.untold
		*s = spell{began: now}
	}
	if s.told == tellsAtOnce {
		s.untold++
		return false, 0
	}
	s.told++
	return true, untold
}

// answers is what is known of Elasticsearch: from the documents that are sent, and
// while there are none from asking.
type answers struct {
	took func(time.Duration)             // notes how long an answer took
	ask  func(ctx context.Context) error // an error says why documents would not be taken; nil: nobody asks

	mu      sync.Mutex
	last    time.Time // of the last answer to documents
	sending string    // why documents wait
	asking  string    // why asking failed
}

// askEvery is how often Elasticsearch is asked while it is sent nothing, and
// askAgain while that fails.
const (
	askEvery = 30 * time.Second
	askAgain = 5 * time.Second
)

// askElasticsearch asks while nothing is sent, so that the agent is not called ready
// when it could not deliver. It returns when ctx ends.
func (p *Pipeline) askElasticsearch(ctx context.Context) {
	for p.answers.ask != nil {
		next := askEvery
		if p.answers.quiet(time.Now()) {
			err := p.answers.ask(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				next = askAgain
			}
			p.elasticsearch(func(a *answers) { a.asking = whyNot(err) })
		}
		if pause(ctx, next) != nil {
			return
		}
	}
}

// quiet reports whether nothing is known from documents.
func (a *answers) quiet(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sending == "" && now.Sub(a.last) >= askEvery
}

// errLacking is that of a client without all privileges.
var errLacking = errors.New("the agent's key or user lacks privileges; auditship check --online names them")

// askFor asks whether the client can sign in and has the privileges.
func askFor(ctx context.Context, client *exporter.Client, needs exporter.Privileges) error {
	missing, err := client.CheckPrivileges(ctx, needs)
	switch {
	case errors.Is(err, exporter.ErrSecurityOff):
		return nil
	case err == nil && len(missing) > 0:
		return errLacking
	}
	return err
}

// whyNot is an error as a reason, in the words that bulk uses where it has some.
func whyNot(err error) string {
	var refused *exporter.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errLacking):
		return string(bulk.ReasonForbidden) + ": " + err.Error()
	case errors.As(err, &refused) && refused.Status == 401:
		return string(bulk.ReasonUnauthorized)
	case errors.As(err, &refused) && refused.Status == 403:
		return string(bulk.ReasonForbidden)
	case errors.As(err, &refused) && refused.Status == 429:
		return string(bulk.ReasonOverloaded)
	case errors.As(err, &refused):
		return string(bulk.ReasonServerError)
	}
	return string(bulk.ReasonUnreachable)
}

// waiting takes what the bulk sender says of Elasticsearch.
func (p *Pipeline) waiting(c bulk.Condition) {
	if !c.Waiting && p.ended() {
		return // nobody waits any more, but not because it works
	}
	p.elasticsearch(func(a *answers) {
		a.sending = string(c.Reason)
		if c.Reason.Lasting() && c.Detail != "" {
			a.sending += ": " + c.Detail
		}
		if !c.Waiting {
			a.asking = ""
		}
	})
}

// observe takes an answer to documents.
func (p *Pipeline) observe(x bulk.Exchange) {
	p.answers.took(x.Took)
	p.elasticsearch(func(a *answers) {
		a.last = time.Now()
		if x.Status < 300 {
			a.asking = ""
		}
	})
}

// elasticsearch changes what is known and says so.
func (p *Pipeline) elasticsearch(change func(*answers)) {
	a := &p.answers
	a.mu.Lock()
	defer a.mu.Unlock() // the changes are told in their order
	change(a)
	reason := a.sending
	if reason == "" {
		reason = a.asking
	}
	if p.condition("elasticsearch", reason) && reason != "" {
		p.log.Warn().Str("reason", reason).Msg("elasticsearch does not take documents; waiting, nothing is lost")
	}
}
