package pipeline

import (
	"sync/atomic"
	"time"
)

// stalled is how long records may be in flight without a verdict, while nothing is
// known to wait, before the watchdog is no longer fed: longer than any request.
const stalled = 5 * time.Minute

// progress notes when the pipeline last did what it can do.
type progress struct {
	settled int64 // verdicts at the last look
	last    atomic.Int64
}

// look notes progress: a verdict came, or none is owed, or it is known what the
// pipeline waits for. It is called by the goroutine that saves positions, so that a
// disk that hangs is no progress either.
func (p *Pipeline) look(now time.Time) {
	var settled, flying int64
	for _, t := range p.ledger.Totals() {
		settled += t.Read - t.InFlight
		flying += t.InFlight
	}
	if settled != p.progress.settled || flying == 0 || len(p.conditions.List()) > 0 {
		p.progress.last.Store(now.UnixNano())
	}
	p.progress.settled = settled
}

// progressing is for the watchdog of the service manager.
func (p *Pipeline) progressing() bool {
	return time.Since(time.Unix(0, p.progress.last.Load())) < stalled
}
