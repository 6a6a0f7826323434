package cli

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/schollz/progressbar/v3"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/agent/input"
	"github.com/auditship/auditship/agent/pipeline"
	"github.com/auditship/auditship/exporter/printable"
)

// How often the progress of an import is shown, and looked at.
const (
	barEvery  = 200 * time.Millisecond
	lineEvery = 10 * time.Second
)

// importDisplay shows how far an import is, on standard error: a bar on a terminal,
// a line now and then elsewhere. What is written to it appears above the bar.
type importDisplay struct {
	w     io.Writer
	began time.Time
	next  time.Time // when the next line is due

	mu  sync.Mutex
	bar *progressbar.ProgressBar // nil: no terminal
}

func (i *importing) newDisplay() *importDisplay {
	d := &importDisplay{w: i.stderr, began: time.Now()}
	d.next = d.began.Add(lineEvery)
	if isTerminal(i.stderr) {
		d.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(i.stderr),
			progressbar.OptionSetDescription("importing"),
			progressbar.OptionShowBytes(true),
			progressbar.OptionShowCount(),
			progressbar.OptionUseIECUnits(true),
			progressbar.OptionFullWidth(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(barEvery/2),
			progressbar.OptionSetSpinnerChangeInterval(0), // it would take a goroutine
		)
	}
	return d
}

// importLog logs above the display, and without --log-level only what is wrong.
func (i *importing) importLog(c config.Log, d *importDisplay) zerolog.Logger {
	if i.logLevel == "" {
		c.Level = "warn"
	}
	if c.Format == "auto" && isTerminal(i.stderr) {
		c.Format = "console"
	}
	if d == nil {
		return i.logger(c)
	}
	above := *i.program
	above.stderr = d
	return above.logger(c)
}

// Write writes above the bar, which comes back when it is shown the next time.
func (d *importDisplay) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bar != nil {
		_ = d.bar.Clear() // it is only for show
	}
	return d.w.Write(p)
}

// progress is one look at an import.
type progress struct {
	files   input.Progress
	totals  health.Totals
	waiting []health.Condition
	elapsed time.Duration
}

func (p progress) settled() int64 { return p.totals.Read - p.totals.InFlight }

// done is how many bytes are settled: those that were read, without the share of
// the records that are on their way.
func (p progress) done() int64 {
	if p.totals.Read == 0 {
		return p.files.Resumed
	}
	return p.files.Resumed + int64(float64(p.files.Done-p.files.Resumed)*float64(p.settled())/float64(p.totals.Read))
}

func (p progress) rate() float64 { return float64(p.settled()) / max(p.elapsed.Seconds(), 0.001) }

// start shows the progress until stop is called, which waits for its end. ctx ends
// when the command is interrupted.
func (d *importDisplay) start(ctx context.Context, line *pipeline.Pipeline, giveUp func(error)) (stop func()) {
	watching, end := context.WithCancel(context.WithoutCancel(ctx))
	told := make(chan struct{})
	quiet := context.AfterFunc(ctx, func() {
		defer close(told)
		_, _ = fmt.Fprintln(d, "stopping when what was read is delivered; another Ctrl-C ends it at once") // only told
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.watch(watching, line, giveUp)
	}()
	return func() {
		if !quiet() {
			<-told // an interruption is said even if the end comes at once
		}
		end()
		<-ended
	}
}

// watch shows the progress until ctx ends, and gives up where nothing can come of
// waiting.
func (d *importDisplay) watch(ctx context.Context, line *pipeline.Pipeline, giveUp func(error)) {
	ticker := time.NewTicker(barEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			d.clear()
			return
		case now := <-ticker.C:
			p := progress{
				files: line.Progress(), totals: sum(line.Ledger().Totals()), waiting: line.Conditions().List(), elapsed: now.Sub(d.began),
			}
			if why := hopeless(p.waiting, now); why != nil {
				giveUp(why)
			}
			d.show(p, now)
		}
	}
}

func (d *importDisplay) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bar != nil {
		_ = d.bar.Clear() // it is only for show
	}
}

func (d *importDisplay) show(p progress, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bar != nil {
		if p.files.Size > 0 {
			d.bar.ChangeMax64(p.files.Size)
			_ = d.bar.Set64(min(p.done(), p.files.Size-1)) // a bar that is full is over
		} else {
			_ = d.bar.Set64(p.done())
		}
		d.bar.Describe(p.records())
		return
	}
	if now.Before(d.next) {
		return
	}
	d.next = now.Add(lineEvery)
	_, _ = fmt.Fprintln(d.w, p.line()) // it is only for show
}

// records is what a bar of bytes does not say.
func (p progress) records() string {
	if len(p.waiting) > 0 {
		return fmt.Sprintf("%d records, waiting: %s %s", p.settled(), p.waiting[0].Part, printable.Line(p.waiting[0].Reason))
	}
	return fmt.Sprintf("%d records, %.0f/s", p.settled(), p.rate())
}

// line says bytes, records, rate and time left.
func (p progress) line() string {
	text := humanBytes(p.done())
	if p.files.Size > 0 {
		text += " of " + humanBytes(p.files.Size)
	}
	text += ", " + p.records()
	if done := p.done(); done > p.files.Resumed && p.files.Size > done {
		left := time.Duration(float64(p.elapsed) * float64(p.files.Size-done) / float64(done-p.files.Resumed))
		text += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return text
}

func humanBytes(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
