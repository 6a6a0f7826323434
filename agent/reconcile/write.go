package reconcile

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/auditship/auditship/exporter/printable"
)

// Writer writes a comparison as it goes on, so that its length takes no memory.
type Writer interface {
	// Found writes one difference.
	Found(d Difference) error
	// End writes the summaries. complete is false where the comparison broke off.
	End(summaries []Summary, complete bool) error
}

// NewJSON writes one object: {"differences": […], "gateways": […], "complete": …,
// "differs": …}, each difference on a line of its own.
func NewJSON(w io.Writer) Writer { return &jsonWriter{w: w} }

type jsonWriter struct {
	w     io.Writer
	begun bool
}

func (j *jsonWriter) Found(d Difference) error {
	text, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode a difference: %w", err)
	}
	before := ",\n"
	if !j.begun {
		before = "{\"differences\": [\n"
	}
	j.begun = true
	_, err = fmt.Fprintf(j.w, "%s  %s", before, text)
	return err
}

func (j *jsonWriter) End(summaries []Summary, complete bool) error {
	before := "\n]"
	if !j.begun {
		before = "{\"differences\": []"
	}
	if summaries == nil {
		summaries = []Summary{}
	}
	text, err := json.MarshalIndent(summaries, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the summary: %w", err)
	}
	_, err = fmt.Fprintf(j.w, "%s, \"gateways\": %s, \"complete\": %t, \"differs\": %t}\n", before, text, complete, Differ(summaries))
	return err
}

// Differ says whether any gateway differs.
func Differ(summaries []Summary) bool {
	for _, s := range summaries {
		if s.Differs() {
			return true
		}
	}
	return false
}

// NewTable writes a line for each difference, with times in a zone, and a few lines
// for each gateway, for people.
func NewTable(w io.Writer, zone *time.Location) Writer { return &tableWriter{w: w, zone: zone} }

type tableWriter struct {
	w    io.Writer
	zone *time.Location
}

const tableTime = "2006-01-02 15:04:05.000Z07:00"

func (t *tableWriter) Found(d Difference) error {
	line := fmt.Sprintf("%s  %-10s  %s", d.Time.In(t.zone).Format(tableTime), d.Kind, orDash(d.EventID))
	if d.EventType != "" {
		line += ", " + d.EventType
	}
	if d.Operator != "" {
		line += " by " + d.Operator
	}
	if _, err := fmt.Fprintln(t.w, printable.Line(line)); err != nil {
		return err
	}
	for _, note := range notes(d) {
		if _, err := fmt.Fprintf(t.w, "    %s\n", printable.Line(note)); err != nil {
			return err
		}
	}
	return nil
}

// notes say more about a difference.
func notes(d Difference) []string {
	var lines []string
	for _, f := range d.Fields {
		lines = append(lines, fmt.Sprintf("%s: gateway %s, Elasticsearch %s", f.Field, quoted(f.Gateway), quoted(f.Elasticsearch)))
	}
	switch {
	case d.Kind == Altered:
	case len(d.Indices) > 0:
		lines = append(lines, fmt.Sprintf("_id %s in %s", d.DocumentID, strings.Join(d.Indices, ", ")))
	case d.EventID == "":
		lines = append(lines, "_id "+d.DocumentID)
	}
	switch {
	case d.Repaired:
		lines = append(lines, "repaired: it is there now")
	case d.Refused != "":
		lines = append(lines, "refused by Elasticsearch: "+d.Refused)
	}
	return lines
}

// quoted is a value for people, cut where it is long.
func quoted(s *string) string {
	const longest = 120
	switch {
	case s == nil:
		return "nothing"
	case len(*s) > longest:
		return fmt.Sprintf("%q and %d bytes more", (*s)[:longest], len(*s)-longest)
	}
	return fmt.Sprintf("%q", *s)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (t *tableWriter) End(summaries []Summary, complete bool) error {
	var b strings.Builder
	for _, s := range summaries {
		t.summary(&b, s)
	}
	if !complete {
		b.WriteString("The comparison broke off: what comes after the last time above is not compared.\n")
	}
	_, err := io.WriteString(t.w, b.String())
	return err
}

func (t *tableWriter) summary(b *strings.Builder, s Summary) {
	at := func(x time.Time) string { return x.In(t.zone).Format(tableTime) }
	fmt.Fprintf(b, "gateway %s (input %s) and %s, from %s to %s\n", s.Gateway, s.Input, s.Stream, at(s.From), at(s.Until))
	fmt.Fprintf(b, "  %d records, %d documents: %d missing", s.Records, s.Documents, s.Missing)
	if s.Repaired > 0 {
		fmt.Fprintf(b, " (%d of them repaired)", s.Repaired)
	}
	fmt.Fprintf(b, ", %d altered, %d unexpected, %d twice\n", s.Altered, s.Unexpected, s.Twice)
	for _, more := range []struct {
		what string
		n    int64
	}{
		{"records that cannot be read, so that the agent makes dead letters of them", s.Rejected},
		{"records that a masking rule drops", s.Dropped},
		{"records older than retention, which are not in Elasticsearch any more", s.Expired},
		{"documents older than all that the gateway still has", s.Forgotten},
		{"records and documents without an id, not compared because this host has no id_key", s.WithoutID},
	} {
		if more.n > 0 {
			fmt.Fprintf(b, "  %s: %d\n", more.what, more.n)
		}
	}
	if s.Unrefreshed != "" {
		fmt.Fprintf(b, "  documents that were changed may be compared as they were before: %s (index.refresh_interval)\n", s.Unrefreshed)
	}
	fmt.Fprintf(b, "  compared: %s\n", strings.Join(s.Compared, ", "))
	if len(s.Masked) > 0 {
		fmt.Fprintf(b, "  left out, because masking rules may change them: %s\n", strings.Join(s.Masked, ", "))
	}
}
