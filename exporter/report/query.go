package report

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/auditship/auditship/exporter/eventname"
)

// Query says which records. A record has to match every field that is set, and
// of a field with several values any. Values are compared whole and with their
// case, as they were recorded. The zero Query is every record of the namespace
// default.
type Query struct {
	// Namespace is the last part of the data stream's name; default "default".
	Namespace string

	Events        []string // display name ("Add Service") or event type, however it was recorded
	Operators     []string // user name, id or e-mail address
	ResourceIDs   []string
	ResourceNames []string
	Resources     []string // id or name of the resource
	Sources       []string // dashboard, api, adc
	IPs           []string // addresses or networks (10.0.0.0/8)
	Outcomes      []string // success, failure, unknown
	GatewayGroups []string // ids of gateway groups
	Observers     []string // configured names of gateways
	Tags          []string

	From time.Time // the first instant that counts; zero: the beginning
	To   time.Time // the first instant that does not count any more; zero: no end

	// types are the event types that records with a name in Events have.
	types []string

	arrivedFrom time.Time // the first instant of event.ingested that counts; zero: any
}

// UsageError is a Query or Options that make no sense, or a flag that says so.
type UsageError struct{ Problem string }

func (e *UsageError) Error() string { return e.Problem }

func misused(format string, args ...any) error {
	return &UsageError{fmt.Sprintf(format, args...)}
}

// Stream is the name of the data stream that is asked.
func (q Query) Stream() string {
	if q.Namespace == "" {
		return "logs-api7.audit-default"
	}
	return "logs-api7.audit-" + q.Namespace
}

// Outcomes are the values of event.outcome.
// See https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-outcome.
func Outcomes() []string { return []string{"success", "failure", "unknown"} }

// namespacePattern are the characters of a data stream namespace.
// See https://www.elastic.co/docs/reference/ecs/ecs-data_stream.
var namespacePattern = regexp.MustCompile(`^[^-\\/*?"<>|\s,#:A-Z]{1,100}$`)

// Validate finds what would silently match nothing. The error is a *UsageError.
func (q Query) Validate() error {
	if q.Namespace != "" && !namespacePattern.MatchString(q.Namespace) {
		return misused("namespace %q: lower case, without a dash, blanks or wildcards", q.Namespace)
	}
	for _, ip := range q.IPs {
		if !isAddress(ip) {
			return misused("ip %q: neither an address such as 203.0.113.7 nor a network such as 203.0.113.0/24", ip)
		}
	}
	for _, o := range q.Outcomes {
		if !slices.Contains(Outcomes(), o) {
			return misused("outcome %q: must be one of %s", o, strings.Join(Outcomes(), ", "))
		}
	}
	if !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
		return misused("from %s is not before to %s", q.From.Format(time.RFC3339), q.To.Format(time.RFC3339))
	}
	return q.tooLong()
}

// maxTerm is ignore_above of the fields that are compared: a longer value is in the
// document and cannot be found by it.
const maxTerm = 1024

// tooLong finds a value that would silently match nothing.
func (q Query) tooLong() error {
	for _, f := range q.terms() {
		for _, v := range f.values {
			if n := utf8.RuneCountInString(v); n > maxTerm {
				return misused("a value of %d characters cannot be looked for: Elasticsearch finds values of %d at most; use another filter", n, maxTerm)
			}
		}
	}
	return nil
}

func isAddress(s string) bool {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Addr().Zone() == ""
	}
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}

// clause is one clause of Elasticsearch's query language.
type clause map[string]any

// filters are the clauses that all have to hold.
func (q Query) filters() []clause {
	all := []clause{}
	if r := q.times(); len(r) > 0 {
		all = append(all, clause{"range": clause{timestampField: r}})
	}
	if !q.arrivedFrom.IsZero() {
		all = append(all, clause{"range": clause{arrived: clause{"gte": q.arrivedFrom.UnixMilli(), "format": "epoch_millis"}}})
	}
	for _, f := range q.terms() {
		if len(f.values) > 0 {
			all = append(all, anyOf(f.fields, f.values))
		}
	}
	return all
}

// terms are the fields that have to have one of some values.
type terms struct {
	values, fields []string
}

func (q Query) terms() []terms {
	return []terms{
		{q.eventSpellings(), []string{nameField, typeField}},
		{q.Operators, []string{"user.name", "user.id", "user.email"}},
		{q.ResourceIDs, []string{"api7.audit.resource.id"}},
		{q.ResourceNames, []string{"api7.audit.resource.name"}},
		{q.Resources, []string{"api7.audit.resource.id", "api7.audit.resource.name"}},
		{q.Sources, []string{"api7.audit.source"}},
		{q.IPs, []string{"source.ip"}},
		{q.Outcomes, []string{"event.outcome"}},
		{q.GatewayGroups, []string{"api7.audit.gateway_group.id"}},
		{q.Observers, []string{"observer.name"}},
		{q.Tags, []string{"tags"}},
	}
}

// The fields that say what was done.
const (
	nameField = "api7.audit.event_name"
	typeField = "event.action"
)

// eventSpellings are all ways in which the events asked for may have been recorded. A
// record may have come before its display name was known, or from a file whose writer
// has names of its own, and counts all the same.
func (q Query) eventSpellings() []string {
	var all []string
	for _, name := range slices.Concat(q.Events, q.types) {
		all = append(all, eventname.Spellings(name)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// anyOf holds where one of the fields has one of the values.
func anyOf(fields, values []string) clause {
	if len(fields) == 1 {
		return clause{"terms": clause{fields[0]: values}}
	}
	should := make([]clause, len(fields))
	for i, field := range fields {
		should[i] = anyOf([]string{field}, values)
	}
	return clause{"bool": clause{"should": should, "minimum_should_match": 1}}
}

// times is the range of @timestamp. The field has milliseconds, so a bound
// between two of them moves to the later one: nothing before From is found, and
// nothing before To is missed.
func (q Query) times() clause {
	r := clause{}
	if !q.From.IsZero() {
		r["gte"] = timestamp(q.From)
	}
	if !q.To.IsZero() && q.To.Year() <= lastYear {
		r["lt"] = timestamp(q.To)
	}
	if len(r) > 0 {
		r["format"] = "strict_date_optional_time"
	}
	return r
}

// lastYear is the last one that a document's time can lie in; what ends later is open.
const lastYear = 9999

func timestamp(t time.Time) string {
	const layout = "2006-01-02T15:04:05.000Z"
	cut := t.Truncate(time.Millisecond)
	if cut.Before(t) {
		cut = cut.Add(time.Millisecond)
	}
	return cut.UTC().Format(layout)
}
