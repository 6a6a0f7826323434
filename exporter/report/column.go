package report

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// Column is one column of a report.
type Column struct {
	Name  string // the key in JSON and for Options.Columns, such as resource_id
	Title string // the heading in CSV and table, such as Resource ID
	// Fields are the fields of the document, of which the first that is there
	// counts. _id and _index are the document's own. None: the time.
	Fields []string
}

// PageColumns are the columns of the gateway's audit page, in its order.
func PageColumns() []Column {
	return []Column{
		{Name: "time", Title: "Time"},
		{"operator", "Operator", []string{"user.name"}},
		{"event", "Event", []string{"api7.audit.event_name"}},
		{"resource_id", "Resource ID", []string{"api7.audit.resource.id"}},
		{"resource_name", "Resource Name", []string{"api7.audit.resource.name"}},
		{"ip_address", "IP Address", []string{"source.address", "source.ip"}},
		{"source", "Source", []string{"api7.audit.source"}},
	}
}

// DetailColumns are PageColumns and, after them, everything else that a record
// says.
func DetailColumns() []Column {
	return append(PageColumns(), []Column{
		{"outcome", "Outcome", []string{"event.outcome"}},
		{"event_type", "Event Type", []string{"event.action"}},
		{"resource_type", "Resource Type", []string{"api7.audit.resource.type"}},
		{"gateway_group", "Gateway Group", []string{"api7.audit.gateway_group.id"}},
		{"operator_id", "Operator ID", []string{"user.id"}},
		{"full_name", "Full Name", []string{"user.full_name"}},
		{"email", "Email", []string{"user.email"}},
		{"token_name", "Token Name", []string{"api7.audit.token_name"}},
		{"method", "Method", []string{"http.request.method"}},
		{"url", "URL", []string{"url.original"}},
		{"url_path", "URL Path", []string{"url.path"}},
		{"status_code", "Status Code", []string{"http.response.status_code"}},
		{"error_message", "Error Message", []string{"error.message"}},
		{"user_agent", "User Agent", []string{"user_agent.original"}},
		{"request_headers", "Request Headers", []string{"api7.audit.request.headers"}},
		{"request_body", "Request Body", []string{"api7.audit.request.body"}},
		{"request_body_text", "Request Body Text", []string{"api7.audit.request.body_text"}},
		{"response_body", "Response Body", []string{"api7.audit.response.body"}},
		{"response_body_text", "Response Body Text", []string{"api7.audit.response.body_text"}},
		{"extra", "Extra", []string{"api7.audit.extra"}},
		{"event_id", "Event ID", []string{"event.id"}},
		{"category", "Category", []string{"event.category"}},
		{"type", "Type", []string{"event.type"}},
		{"local_hour", "Local Hour", []string{"api7.audit.local.hour"}},
		{"local_weekday", "Local Weekday", []string{"api7.audit.local.weekday"}},
		{"observer", "Observer", []string{"observer.name"}},
		{"tags", "Tags", []string{"tags"}},
		{"ingested", "Ingested", []string{"event.ingested"}},
		{"agent", "Agent", []string{"agent.name"}},
		{"file", "File", []string{"log.file.path"}},
		{"offset", "Offset", []string{"log.offset"}},
		{"original", "Original", []string{"event.original"}},
		{"document_id", "Document ID", []string{"_id"}},
		{"index", "Index", []string{"_index"}},
	}...)
}

// fieldPath is what can be asked for as a field of the document.
var fieldPath = regexp.MustCompile(`^[A-Za-z_@][A-Za-z0-9_@-]*(\.[A-Za-z0-9_@-]+)*$`)

// findColumn finds a column by its name or title, or makes one for a field of
// the document, which has a dot in its path or begins with @ or _.
func findColumn(name string) (Column, error) {
	key := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), " ", "_")
	known := DetailColumns()
	names := make([]string, len(known))
	for i, c := range known {
		if c.Name == key {
			return c, nil
		}
		names[i] = c.Name
	}
	if fieldPath.MatchString(name) && (strings.Contains(name, ".") || name[0] == '@' || name[0] == '_') {
		return Column{Name: name, Title: name, Fields: []string{name}}, nil
	}
	return Column{}, misused("column %q: must be a field such as user.name or one of %s", name, strings.Join(names, ", "))
}

// selectColumns gives the columns that the options ask for.
func (o Options) selectColumns() ([]Column, error) {
	if len(o.Columns) == 0 {
		if o.Details {
			return DetailColumns(), nil
		}
		return PageColumns(), nil
	}
	if o.Details {
		return nil, misused("columns and details exclude each other: details is every column")
	}
	columns := make([]Column, 0, len(o.Columns))
	seen := map[string]bool{}
	for _, name := range o.Columns {
		c, err := findColumn(name)
		if err != nil {
			return nil, err
		}
		if seen[c.Name] {
			return nil, misused("column %q is named twice", name)
		}
		seen[c.Name] = true
		columns = append(columns, c)
	}
	return columns, nil
}

// isTime says that the column is the record's time.
func (c Column) isTime() bool { return len(c.Fields) == 0 }

// value gives the JSON text of a record's field, nil if it has none.
func (c Column) value(r *record) json.RawMessage {
	for _, f := range c.Fields {
		if v := r.field(f); v != nil {
			return v
		}
	}
	return nil
}

// timeLayout is RFC 3339 with milliseconds, so that times of one zone sort as
// text.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// cell is the value as text.
func (c Column) cell(r *record, zone *time.Location) string {
	if c.isTime() {
		return r.hit.time().In(zone).Format(timeLayout)
	}
	return text(c.value(r))
}

// sourceFilter is what Elasticsearch shall send of each document: everything
// with details, otherwise the fields of the columns.
func sourceFilter(columns []Column, details bool) any {
	if details {
		return true
	}
	fields := []string{}
	for _, c := range columns {
		for _, f := range c.Fields {
			if f != "_id" && f != "_index" {
				fields = append(fields, f)
			}
			if f == nameField {
				fields = append(fields, typeField) // it stands in for a name that was not known
			}
		}
	}
	if len(fields) == 0 {
		return false
	}
	return fields
}
