package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/bulk"
	"github.com/auditship/auditship/exporter/peer"
)

// destination is what is known of Elasticsearch: from the documents that are sent, and while
// there are none from asking.
type destination struct {
	notices *notices
	took    func(time.Duration)             // notes how long an answer took
	ask     func(ctx context.Context) error // an error says why documents would not be taken; nil: nobody asks
	check   func(ctx context.Context) error // an error says that documents would come to the wrong place; nil: nobody checks
	ended   func() bool                     // what was read need not arrive any more

	mu      sync.Mutex
	last    time.Time // of the last answer to documents
	sending why       // documents wait
	asking  why       // asking failed
	placed  why       // documents come to the wrong place, whether they are taken or not
}

// why is a reason with what can be said about it; the zero value is none.
type why struct {
	bulk.Reason
	detail string
}

func (w why) String() string {
	if w.detail == "" {
		return string(w.Reason)
	}
	return string(w.Reason) + ": " + w.detail
}

// askEvery is how often Elasticsearch is asked while it is sent nothing, and
// askAgain while that fails.
const (
	askEvery = 30 * time.Second
	askAgain = 5 * time.Second
)

// keepAsking asks while nothing is sent, so that the agent is not called ready
// when it could not deliver. It returns when ctx ends.
func (p *destination) keepAsking(ctx context.Context) {
	for p.ask != nil {
		next := askEvery
		p.look(ctx)
		if p.quiet(time.Now()) {
			err := p.ask(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				next = askAgain
			}
			p.learn(func() { p.asking = whyNot(err) })
		}
		if peer.Sleep(ctx, next) != nil {
			return
		}
	}
}

// look checks where documents come to, also while they are taken. What could not be
// found out is told by those who send and ask.
func (p *destination) look(ctx context.Context) {
	if p.check == nil {
		return
	}
	err := p.check(ctx)
	var refused *exporter.Error
	if ctx.Err() != nil || errors.Is(err, peer.ErrUnreachable) || exporter.NotSent(err) || errors.As(err, &refused) {
		return
	}
	p.learn(func() {
		p.placed = why{}
		if err != nil {
			p.placed = why{bulk.ReasonMisconfigured, err.Error()}
		}
	})
}

// quiet reports whether nothing is known from documents.
func (p *destination) quiet(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sending == why{} && now.Sub(p.last) >= askEvery
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
func whyNot(err error) why {
	var refused *exporter.Error
	switch {
	case err == nil:
		return why{}
	case errors.Is(err, errLacking):
		return why{bulk.ReasonForbidden, err.Error()}
	case errors.As(err, &refused) && refused.Status == 401:
		return why{Reason: bulk.ReasonUnauthorized}
	case errors.As(err, &refused) && refused.Status == 403:
		return why{Reason: bulk.ReasonForbidden}
	case errors.As(err, &refused) && refused.Status == 429:
		return why{Reason: bulk.ReasonOverloaded}
	case errors.As(err, &refused):
		return why{Reason: bulk.ReasonServerError}
	}
	return why{Reason: bulk.ReasonUnreachable}
}

// waiting takes what the bulk sender says of Elasticsearch.
func (p *destination) waiting(c bulk.Condition) {
	if !c.Waiting && p.ended() {
		return // nobody waits any more, but not because it works
	}
	p.learn(func() {
		p.sending = why{Reason: c.Reason}
		if c.Reason.Lasting() {
			p.sending.detail = c.Detail
		}
		if !c.Waiting {
			p.asking = why{}
		}
	})
}

// observe takes an answer to documents.
func (p *destination) observe(x bulk.Exchange) {
	p.took(x.Took)
	p.learn(func() {
		p.last = time.Now()
		if x.Status < 300 {
			p.asking = why{}
		}
	})
}

// learn changes what is known and says so.
func (p *destination) learn(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock() // the changes are told in their order
	change()
	reason := p.sending
	if reason == (why{}) {
		reason = p.asking
	}
	if reason == (why{}) {
		reason = p.placed
	}
	c := health.Condition{Part: health.Elasticsearch, Reason: reason.String(), Lasting: reason.Lasting()}
	switch told := p.notices.tell(c); {
	case !told || c.Reason == "":
	case reason == p.placed:
		p.notices.log.Error().Str("reason", c.Reason).Msg("documents come to the wrong place in elasticsearch")
	default:
		p.notices.log.Warn().Str("reason", c.Reason).Msg("elasticsearch does not take documents; waiting, nothing is lost")
	}
}
