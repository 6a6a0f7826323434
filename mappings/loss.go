package mappings

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/install"
)

// findLosses finds what in the plan would make Elasticsearch delete records
// earlier than it does now, and names the indices that would go at once: a
// retention that changes is taken over by indices that were rolled over long ago.
func (p *plan) findLosses(ctx context.Context, all []dataStream) error {
	for i := range p.objects {
		o := &p.objects[i]
		if o.Kind != ILMPolicy || !o.state.Due(true) {
			continue
		}
		before, _ := get(o.installed, "policy", "phases", "delete", "min_age").(string)
		if o.installed != nil && !p.shorter(before) {
			continue
		}
		gone, err := p.gone(ctx, all, func(x backingIndex) bool { return x.ILMPolicy == Name }, before)
		if err != nil {
			return err
		}
		if o.installed != nil || len(gone) > 0 {
			o.state, o.losses = install.Deletes, p.words(before, gone)
		}
	}
	for i := range p.steps {
		s := &p.steps[i]
		if s.kind == setRetention && !p.shorter(s.old) || s.kind == rollOver {
			continue
		}
		before := ""
		if s.kind == setRetention {
			before = s.old
		}
		gone, err := p.gone(ctx, all, func(x backingIndex) bool {
			return s.kind == setRetention && x.stream == s.stream || x.Name == s.index
		}, before)
		if err != nil {
			return err
		}
		if s.kind == setRetention || len(gone) > 0 {
			s.state, s.losses = install.Deletes, p.words(before, gone)
		}
	}
	return nil
}

// shorter says whether records that are kept so long now, "" for always, would be
// kept shorter.
func (p *plan) shorter(now string) bool {
	d, err := parseTimeValue(now)
	return err != nil || p.opts.Retention < d
}

// gone lists those of the backing indices that are older than the retention of the
// plan, and not older than the one there is now: they would be deleted within
// minutes.
func (p *plan) gone(ctx context.Context, all []dataStream, affected func(backingIndex) bool, before string) ([]string, error) {
	now, err := parseTimeValue(before)
	known := err == nil
	var gone []string
	for _, s := range all {
		since, err := p.rolledOver(ctx, s)
		if err != nil {
			return nil, err
		}
		for _, x := range s.older() {
			age := time.Since(since[x.Name])
			x.stream = s.Name
			if !affected(x) || age < p.opts.Retention || known && age >= now {
				continue
			}
			n, err := countDocuments(ctx, p.client, x.Name)
			if isNotFound(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			gone = append(gone, fmt.Sprintf("%s: %d documents, rolled over %s ago", x.Name, n, span(age)))
		}
	}
	return gone, nil
}

func (p *plan) words(before string, gone []string) []string {
	line := "records would be kept " + timeValue(p.opts.Retention)
	if before != "" {
		line += " instead of " + before
	}
	if len(gone) == 0 {
		return []string{line + "; none is so old yet that it would go at once"}
	}
	return append([]string{line + "; ILM would delete at once:"}, gone...)
}

// rolledOver tells since when each older backing index counts its age: what ILM
// says, else when its successor was created.
func (p *plan) rolledOver(ctx context.Context, s dataStream) (map[string]time.Time, error) {
	since, err := successors(ctx, p.client, s)
	if err != nil || p.server.Serverless {
		return since, err
	}
	in, err := explain(ctx, p.client, s.Name)
	if err != nil {
		return nil, err
	}
	for name, e := range in {
		if e.LifecycleDate > 0 {
			since[name] = time.UnixMilli(e.LifecycleDate)
		}
	}
	return since, nil
}

// countDocuments counts what an index holds.
func countDocuments(ctx context.Context, client *exporter.Client, index string) (int64, error) {
	var answer struct {
		Count int64 `json:"count"`
	}
	if err := client.JSON(ctx, http.MethodGet, "/"+url.PathEscape(index)+"/_count", nil, &answer); err != nil {
		return 0, fmt.Errorf("count the documents of %s: %w", index, err)
	}
	return answer.Count, nil
}

// span writes a duration as people say it: whole days, hours or less.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return d.Round(time.Second).String()
}
