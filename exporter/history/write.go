package history

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/auditship/auditship/exporter/printable"
)

// Writer writes operations. End ends the output; without it JSON is not complete.
type Writer interface {
	Operation(Operation) error
	End() error
}

// TextOptions say how Text writes.
type TextOptions struct {
	Location *time.Location // of times; nil is UTC
	Colours  bool
}

// NewText writes for people: a line with who did what when and from where, then the
// resource, then a line for each changed value, - before and + after.
func NewText(w io.Writer, o TextOptions) Writer {
	if o.Location == nil {
		o.Location = time.UTC
	}
	return &text{w: bufio.NewWriter(w), opts: o}
}

type text struct {
	w    *bufio.Writer
	opts TextOptions
}

// The colours of a terminal, as git uses them.
const (
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	plain  = "\x1b[0m"
)

// maxValue bounds a printed value, in bytes; JSON output has all of it.
const maxValue = 400

func (t *text) Operation(o Operation) error {
	t.line(yellow, "", heading(o, t.opts.Location))
	if what := joined(" ", o.ResourceType, o.ResourceName, o.ResourceID); what != "" {
		t.line("", "    ", what)
	}
	if o.Error != "" {
		t.line(red, "    ", "error: "+o.Error)
	}
	if o.FromNothing {
		t.line("", "    ", "no earlier record of it was found; this is all that was sent")
	}
	for _, c := range o.Changes {
		if c.Before != nil {
			t.line(red, "  - ", c.Path+": "+string(c.Before))
		}
		if c.After != nil {
			t.line(green, "  + ", c.Path+": "+string(c.After))
		}
	}
	if o.Sent != "" {
		t.line("", "    ", "sent: "+o.Sent)
	}
	if _, err := t.w.WriteString("\n"); err != nil {
		return err
	}
	return t.w.Flush()
}

func (t *text) End() error { return t.w.Flush() }

// line writes foreign text made safe for a terminal; the error of a write comes again
// with the next one.
func (t *text) line(colour, before, foreign string) {
	foreign = printable.Line(foreign)
	if len(foreign) > maxValue {
		foreign = strings.ToValidUTF8(foreign[:maxValue], "") + "…"
	}
	if !t.opts.Colours || colour == "" {
		_, _ = t.w.WriteString(before + foreign + "\n")
		return
	}
	_, _ = t.w.WriteString(colour + before + foreign + plain + "\n")
}

// heading is who did what when, from where, and whether it worked.
func heading(o Operation, zone *time.Location) string {
	s := o.Time.In(zone).Format("2006-01-02 15:04:05Z07:00") + "  " + o.Event
	if who := joined(", token ", o.Operator, o.TokenName); who != "" {
		s += " by " + who
	}
	if from := joined(", ", o.Source, o.Address); from != "" {
		s += " (" + from + ")"
	}
	if result := joined(" ", o.Outcome, o.StatusCode); result != "" {
		s += ": " + result
	}
	return s
}

// joined joins the texts that are not empty.
func joined(by string, texts ...string) string {
	var kept []string
	for _, s := range texts {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return strings.Join(kept, by)
}

// NewJSON writes one JSON array, an operation a line.
func NewJSON(w io.Writer) Writer { return &array{w: bufio.NewWriter(w)} }

type array struct {
	w     *bufio.Writer
	wrote bool
}

func (a *array) Operation(o Operation) error {
	if o.Changes == nil {
		o.Changes = []Change{}
	}
	line, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("write an operation: %w", err)
	}
	before := "[\n"
	if a.wrote {
		before = ",\n"
	}
	a.wrote = true
	if _, err := a.w.WriteString(before); err != nil {
		return err
	}
	_, err = a.w.Write(line)
	return err
}

func (a *array) End() error {
	end := "\n]\n"
	if !a.wrote {
		end = "[]\n"
	}
	if _, err := a.w.WriteString(end); err != nil {
		return err
	}
	return a.w.Flush()
}
