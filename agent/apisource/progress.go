package apisource

import "time"

// progressEvery is how often the reading of a history is logged.
const progressEvery = 10 * time.Second

// progress is how far the first reading is.
type progress struct {
	from, to int64
	told     time.Time
	done     bool
}

func (p *progress) begin(from, to int64) {
	*p = progress{from: from, to: to, told: time.Now(), done: to-from < firstStep}
}

// tellProgress logs how far the history is read, now and then and at its end.
func (s *Source) tellProgress(at, end int64) {
	s.stats.Until.Store(at)
	s.stats.Behind.Store(max(0, s.client.Now().UnixMilli()-at))
	p := &s.progress
	if p.done {
		return
	}
	share := 100 * (at - p.from) / max(end-p.from, 1)
	line := s.cfg.Log.Info().Time("until", time.UnixMilli(at).UTC()).Int64("records", s.stats.Records.Load())
	switch {
	case at >= end:
		p.done = true
		line.Msg("history is read; following")
	case time.Since(p.told) >= progressEvery:
		p.told = time.Now()
		line.Int64("percent", share).Msg("history is being read")
	}
}
