package event

import (
	"reflect"
	"slices"
	"testing"
)

// Every scalar and value of a Record has one row in the table, and no name stands for
// two of them.
func TestTheTableCoversTheRecord(t *testing.T) {
	var rec Record
	places := map[any]string{}
	names := map[string]string{}
	for _, f := range Fields() {
		for _, name := range f.Names() {
			if other, taken := names[name]; taken {
				t.Errorf("%s is a name of %s and of %s", name, other, f.Name)
			}
			names[name] = f.Name
		}
		var place any
		switch {
		case f.Token != nil:
			place = f.Token(&rec)
		case f.Value != nil:
			place = f.Value(&rec)
		default:
			if f.Name != EventTimeName && f.Name != StatusCodeName {
				t.Errorf("%s has no place in a Record", f.Name)
			}
			continue
		}
		if other, taken := places[place]; taken {
			t.Errorf("%s and %s have one place", f.Name, other)
		}
		places[place] = f.Name
	}
	want := count(reflect.TypeFor[Record]()) - 1 // Extra is no field of the gateway's
	if len(places) != want {
		t.Errorf("%d places in the table, %d in a Record", len(places), want)
	}
}

// count counts the tokens, the values and the lists of a struct.
func count(t reflect.Type) (n int) {
	for i := range t.NumField() {
		switch f := t.Field(i).Type; {
		case f == reflect.TypeFor[Token](), f == reflect.TypeFor[Value](), f == reflect.TypeFor[[]Extra]():
			n++
		case f == reflect.TypeFor[Operator](), f == reflect.TypeFor[Request](), f == reflect.TypeFor[Response]():
			n += count(f)
		}
	}
	return n
}

func TestColumnName(t *testing.T) {
	for header, want := range map[string]string{
		"id": "id", "ID": "id", "event_time": "event_time", "Time": "event_time", "时间": "event_time",
		"Operator": "operator", "操作者": "operator", "operator.id": "operator.id", "Operator ID": "operator.id", "username": "operator.username",
		"Event": "event_type", "事件": "event_type", "Resource ID": "resource_id", "资源 ID": "resource_id", "资源名称": "resource_name",
		"IP Address": "ip_address", "IP 地址": "ip_address", "Source": "source", "来源": "source",
		"http_request": "http_request", "Request Body": "http_request.body", "http_request.body": "http_request.body",
		"status-code": "http_response.status_code", "gateway_group": "gateway_group", "Gateway Group ID": "gateway_group_id",
		"": "", "tenant": "",
	} {
		if got := ColumnName(header); got != want {
			t.Errorf("%q is %q, want %q", header, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	names := Names()
	for _, want := range []string{"operator", "operator.id", "http_response", "gateway_group", "gateway_group.id"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if members := Members(); !slices.Contains(members, "operator") || slices.Contains(members, "operator.id") {
		t.Errorf("members are %q", members)
	}
}
