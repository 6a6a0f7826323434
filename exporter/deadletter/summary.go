package deadletter

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// Group are the letters that share a reason.
type Group struct {
	Reason    string
	ErrorType string // Elasticsearch's, "" where it was not asked
	Field     string // the one that Elasticsearch named, "" if none

	Letters        int
	Finished       int // those that hold a document to be sent again
	Oldest, Newest time.Time
}

// Summary is what a folder holds.
type Summary struct {
	Groups  []Group // the largest first
	Damaged int     // lines that are no letter
}

// Summarize counts what a Reader has to read by reason, and closes it.
func Summarize(r *Reader) (Summary, error) {
	type key struct{ reason, errorType, field string }
	groups := map[key]*Group{}
	for r.Next() {
		l := r.Letter()
		k := key{reason: l.Reason}
		if l.Error != nil {
			k.errorType, k.field = l.Error.Type, l.Error.Field
		}
		g := groups[k]
		if g == nil {
			g = &Group{Reason: k.reason, ErrorType: k.errorType, Field: k.field, Oldest: l.Time, Newest: l.Time}
			groups[k] = g
		}
		g.add(&l)
	}
	s := Summary{Damaged: r.Damaged()}
	for _, g := range groups {
		s.Groups = append(s.Groups, *g)
	}
	slices.SortFunc(s.Groups, func(a, b Group) int {
		return cmp.Or(b.Letters-a.Letters, cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.ErrorType, b.ErrorType), cmp.Compare(a.Field, b.Field))
	})
	return s, errors.Join(r.Err(), r.Close())
}

func (g *Group) add(l *Letter) {
	g.Letters++
	if l.Finished() {
		g.Finished++
	}
	if l.Time.Before(g.Oldest) {
		g.Oldest = l.Time
	}
	if l.Time.After(g.Newest) {
		g.Newest = l.Time
	}
}
