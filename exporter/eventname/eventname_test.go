package eventname_test

import (
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/auditship/auditship/exporter/eventname"
)

func TestDisplay(t *testing.T) {
	for eventType, want := range map[string]string{
		"AddService": "Add Service", "addService": "Add Service", "add_service": "Add Service", "ADD_SERVICE": "Add Service",
		"add-service": "Add Service", "Add Service": "Add Service", "add service": "add service",
		"Login": "Login", "login": "Login", "UpdateSSL": "Update SSL", "UpdateSsl": "Update SSL", "DeleteSSLCertificate": "Delete SSL Certificate",
		"AddCACertificate": "Add CA Certificate", "CreateSCIMToken": "Create SCIM Token", "ListSSLs": "List SSLs", "PublishServiceV2": "Publish Service V2",
		"route.created": "route.created", "新增服务": "新增服务", "": "", "__": "__",
	} {
		if got := eventname.Display(eventType); got != want {
			t.Errorf("%q is called %q, want %q", eventType, got, want)
		}
	}
}

// Whatever somebody calls an event, by name or by type, the same records are found.
func TestSpellings(t *testing.T) {
	for _, called := range []string{"Add Service", "AddService", "add_service", "addService", "add service", "ADD_SERVICE"} {
		got := eventname.Spellings(called)
		if got[0] != called {
			t.Errorf("%q comes after %q", called, got[0])
		}
		for _, recorded := range []string{"Add Service", "AddService", "addService", "add_service", "add-service", "ADD_SERVICE"} {
			if !slices.Contains(got, recorded) {
				t.Errorf("%q does not find %q: %q", called, recorded, got)
			}
		}
	}
	for called, recorded := range map[string]string{"Update SSL": "UpdateSSL", "UpdateSsl": "UpdateSSL", "Delete SSL Certificate": "DeleteSSLCertificate"} {
		if !slices.Contains(eventname.Spellings(called), recorded) {
			t.Errorf("%q does not find %q", called, recorded)
		}
	}
	if got := eventname.Spellings("route.created"); !slices.Equal(got, []string{"route.created"}) {
		t.Errorf("what is no usual name: %q", got)
	}
}

func FuzzDisplay(f *testing.F) {
	for _, seed := range []string{"AddService", "add_service", "SSLs", "A", "aB1C", "é_É"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, eventType string) {
		name := eventname.Display(eventType)
		if utf8.ValidString(eventType) && !utf8.ValidString(name) || eventType != "" && name == "" {
			t.Errorf("%q is called %q", eventType, name)
		}
		if !slices.Contains(eventname.Spellings(eventType), eventType) {
			t.Errorf("%q is none of its spellings", eventType)
		}
	})
}
