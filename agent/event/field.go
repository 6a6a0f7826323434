package event

import (
	"slices"
	"strings"
	"unicode"
)

// Field is a field of the gateway's audit record: what it is called, and all that the
// parts of the agent have to know of it. Fields lists them.
type Field struct {
	// Name is the gateway's, as a dotted path. Also are further names under which
	// records have it.
	Name string
	Also []string
	// Token or Value is where a Record has it: a scalar, or any JSON value that is
	// kept whole. Neither: event_time and the status code, which are numbers.
	Token func(*Record) *Token
	Value func(*Record) *Value

	// Columns are headers by which a CSV file may call it, beside its names: the
	// titles of the gateway's audit page, and short forms. Case, spaces and what
	// else stands between words do not count.
	Columns []string
	// Text and Part are for masking: what may stand in it, and what it means for
	// the record. Identity says that only a rule that names it touches it.
	Text     Text
	Part     Part
	Identity bool
	// Compared are the document's fields made of it in which a document of the
	// same record always agrees.
	Compared []string
	// Later says that the gateway may give it later, when an operation has ended:
	// that it differs does not make another record of it.
	Later bool
}

// Text says what a field can hold.
type Text byte

// What a field can hold.
const (
	FreeText  Text = iota // anything
	NamedText             // a name that a person chose, or an address
	ClosedSet             // a word, number or address of a fixed form
)

// Part says what a field means for those around it.
type Part byte

// The parts.
const (
	PlainPart Part = iota
	URIPart        // the request's address, which says what the bodies are about
	BodyPart       // of the request or the response
	NamePart       // a name that a person chose, which may look like a secret
	WordsPart      // a message in words
)

// The names that the agent itself asks for.
const (
	IDName         = "id"
	EventTimeName  = "event_time"
	StatusCodeName = "http_response.status_code"
)

// fields is the vocabulary. Its source is the published audit log API; gateway_group
// is how other answers of the gateway name the group, and how its newer records may;
// of the object before and after a change its documentation tells, but not under which
// name.
var fields = []Field{
	{
		Name: EventTimeName, Columns: []string{"Time", "时间", "時間", "操作时间"},
		Text: ClosedSet, Identity: true, Compared: []string{"@timestamp"},
	},
	{
		Name: IDName, Token: func(r *Record) *Token { return &r.ID },
		Identity: true, Compared: []string{"event.id"},
	},
	{
		Name: "event_type", Token: func(r *Record) *Token { return &r.EventType }, Columns: []string{"Event", "事件", "事件类型", "事件類型"},
		Text: ClosedSet, Compared: []string{"event.action"},
	},
	{
		Name: "operator.id", Token: func(r *Record) *Token { return &r.Operator.ID },
		Identity: true, Compared: []string{"user.id"},
	},
	{
		Name: "operator.username", Token: func(r *Record) *Token { return &r.Operator.Username }, Columns: []string{"Username", "用户名"},
		Text: NamedText, Part: NamePart, Compared: []string{"user.name"},
	},
	{
		Name: "operator.first_name", Token: func(r *Record) *Token { return &r.Operator.FirstName }, Columns: []string{"First Name"},
		Text: NamedText, Part: NamePart, Compared: []string{"user.full_name"},
	},
	{
		Name: "operator.last_name", Token: func(r *Record) *Token { return &r.Operator.LastName }, Columns: []string{"Last Name"},
		Text: NamedText, Part: NamePart, Compared: []string{"user.full_name"},
	},
	{
		Name: "operator.email", Token: func(r *Record) *Token { return &r.Operator.Email }, Columns: []string{"Email", "邮箱"},
		Text: NamedText, Compared: []string{"user.email"},
	},
	{
		Name: "resource_id", Token: func(r *Record) *Token { return &r.ResourceID }, Columns: []string{"资源 ID", "資源 ID"},
		Text: NamedText, Identity: true, Compared: []string{"api7.audit.resource.id"},
	},
	{
		Name: "resource_name", Token: func(r *Record) *Token { return &r.ResourceName }, Columns: []string{"资源名称", "資源名稱"},
		Text: NamedText, Part: NamePart,
	},
	{
		Name: "resource_type", Token: func(r *Record) *Token { return &r.ResourceType }, Columns: []string{"资源类型", "資源類型"},
		Text: ClosedSet,
	},
	{
		Name: "source", Token: func(r *Record) *Token { return &r.Source }, Columns: []string{"来源", "來源"},
		Text: ClosedSet, Compared: []string{"api7.audit.source"},
	},
	{
		Name: "token_name", Token: func(r *Record) *Token { return &r.TokenName }, Columns: []string{"令牌名称"},
		Text: NamedText, Part: NamePart, Compared: []string{"api7.audit.token_name"},
	},
	{
		Name: "ip_address", Token: func(r *Record) *Token { return &r.IPAddress }, Columns: []string{"IP 地址", "IP 位址"},
		Text: ClosedSet, Compared: []string{"source.address"},
	},
	{
		Name: "http_request.method", Token: func(r *Record) *Token { return &r.Request.Method }, Columns: []string{"Request Method", "请求方法"},
		Text: ClosedSet, Compared: []string{"http.request.method"},
	},
	{
		Name: "http_request.uri", Token: func(r *Record) *Token { return &r.Request.URI }, Columns: []string{"Request URI", "请求路径"},
		Part: URIPart, Compared: []string{"url.original"},
	},
	{
		Name: "http_request.user_agent", Token: func(r *Record) *Token { return &r.Request.UserAgent }, Columns: []string{"Request User Agent", "User Agent"},
		Compared: []string{"user_agent.original"},
	},
	{
		Name: "http_request.headers", Value: func(r *Record) *Value { return &r.Request.Headers }, Columns: []string{"Request Headers"},
	},
	{
		Name: "http_request.body", Value: func(r *Record) *Value { return &r.Request.Body }, Columns: []string{"Request Body"},
		Part: BodyPart,
	},
	{
		Name: StatusCodeName, Columns: []string{"Response Status Code", "Status Code", "状态码"},
		Text: ClosedSet, Compared: []string{"http.response.status_code", "event.outcome"}, Later: true,
	},
	{
		Name: "http_response.body", Value: func(r *Record) *Value { return &r.Response.Body }, Columns: []string{"Response Body"},
		Part: BodyPart,
	},
	{
		Name: "error_message", Token: func(r *Record) *Token { return &r.ErrorMessage }, Columns: []string{"错误信息"},
		Part: WordsPart, Compared: []string{"error.message"}, Later: true,
	},
	{
		Name: "changes", Also: []string{"diff", "details.changes", "details.diff"}, Value: func(r *Record) *Value { return &r.Changes },
		Part: BodyPart,
	},
	{
		Name: "before", Also: []string{"details.before"}, Value: func(r *Record) *Value { return &r.Before },
		Part: BodyPart,
	},
	{
		Name: "after", Also: []string{"details.after"}, Value: func(r *Record) *Value { return &r.After },
		Part: BodyPart,
	},
	{
		Name: "gateway_group_id", Also: []string{"gateway_group.id", "gateway_group"}, Token: func(r *Record) *Token { return &r.GatewayGroup }, Columns: []string{"网关组"},
	},
}

// Fields lists the fields of the record.
func Fields() []Field { return slices.Clone(fields) }

// Names are the dotted paths under which records have the field, its own first.
func (f *Field) Names() []string { return append([]string{f.Name}, f.Also...) }

// objects are the record's members that hold fields, by name.
var objects = func() map[string]bool {
	found := map[string]bool{}
	for _, f := range fields {
		for _, name := range f.Names() {
			if object, _, ok := strings.Cut(name, "."); ok {
				found[object] = true
			}
		}
	}
	return found
}()

// IsObject says whether a member of the record holds fields, as operator does.
func IsObject(name string) bool { return objects[name] }

// Names are all names of the record's fields, as dotted paths, and those of its
// objects, sorted.
func Names() []string {
	var names []string
	for object := range objects {
		names = append(names, object)
	}
	for _, f := range fields {
		names = append(names, f.Names()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Members are the names that stand in the record itself, not in its objects, sorted.
func Members() []string {
	return slices.DeleteFunc(Names(), func(name string) bool { return strings.Contains(name, ".") })
}

// columns are the record's names by what a header may call them.
var columns = func() map[string]string {
	found := map[string]string{}
	for _, f := range fields {
		for _, header := range append(f.Names(), f.Columns...) {
			found[columnKey(header)] = f.Name
		}
	}
	for object := range objects {
		found[columnKey(object)] = object
	}
	for _, title := range []string{"操作者", "操作人", "操作员"} {
		found[title] = "operator"
	}
	return found
}()

// ColumnName is the record's name for the header of a column, "" for one that is not
// known.
func ColumnName(header string) string { return columns[columnKey(header)] }

// columnKey is a header without what does not count in it.
func columnKey(header string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, header)
}
