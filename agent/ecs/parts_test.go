package ecs

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"203.0.113.1": "203.0.113.1", "203.0.113.1:8080": "203.0.113.1", " 203.0.113.1 ": "203.0.113.1",
		"2001:db8::1": "2001:db8::1", "[2001:db8::1]": "2001:db8::1", "[2001:DB8:0::1]:443": "2001:db8::1",
		"::ffff:203.0.113.1": "203.0.113.1", "[::ffff:203.0.113.1]:1": "203.0.113.1",
		"fe80::1%eth0": "fe80::1", "[fe80::1%eth0]:1": "fe80::1", "0.0.0.0": "0.0.0.0", "255.255.255.255": "255.255.255.255",
		"": "", "unknown": "", "203.0.113": "", "203.0.113.256": "", "203.0.113.01": "", "1.2.3.4.5": "", "1..2.3": "",
		"203.0.113.1, 10.0.0.1": "", "203.0.113.0/24": "", "[": "", "[]": "", "12345": "", ".1.2.3": "", "1.2.3.": "",
		strings.Repeat("1", 100): "",
	} {
		if got := string(appendIP(nil, []byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("203.0.113.1:80")
	f.Add("[::1%x]:1")
	f.Add("0.00.0.1")
	f.Fuzz(func(t *testing.T, in string) {
		got := string(appendIP([]byte("x"), []byte(in)))[1:]
		if got == "" {
			if a, err := netip.ParseAddr(in); err == nil && len(in) <= 64 {
				t.Fatalf("%q is the address %s", in, a)
			}
			return
		}
		if a, err := netip.ParseAddr(got); err != nil || a.Zone() != "" || a.Is4In6() {
			t.Fatalf("%q became %q", in, got)
		}
	})
}

func TestEventTypes(t *testing.T) {
	for in, want := range map[string]meaning{
		"Add Service":                          {configuration, creation, "add"},
		"add_service":                          {configuration, creation, "add"},
		"AddService":                           {configuration, creation, "add"},
		"service.created":                      {configuration, creation, "create"},
		"Update SSL":                           {configuration, change, "update"},
		"Publish Service":                      {configuration, change, "publish"},
		"Delete Gateway Group":                 {configuration, deletion, "delete"},
		"Rotate Secret":                        {configuration, change, "rotate"},
		"Export Audit Logs":                    {configuration, access, "export"},
		"Connect Instance":                     {configuration, change, "connect"},
		"Login":                                {authentication, start, ""},
		"User logged in":                       {authentication, start, ""},
		"log_out":                              {authentication, finish, ""},
		"Sign-out":                             {authentication, finish, ""},
		"Token Authentication":                 {authentication, start, ""},
		"token_authorization":                  {authentication, info, ""},
		"Update Login Option":                  {configuration, change, "update"},
		"Delete Token":                         {iamAdmin, deletion, "delete"},
		"Revoke Token":                         {iamAdmin, deletion, "revoke"},
		"RegenerateToken":                      {iamAdmin, change, "regenerate"},
		"Create SCIM Token":                    {iamAdmin, creation, "create"},
		"Reset Password":                       {iamUser, change, "reset"},
		"Add Role to User":                     {iamUser, change, "add"},
		"Update User Role":                     {iamUser, change, "update"},
		"Assign Roles":                         {iamUser, change, "assign"},
		"Revoke Role":                          {iamUser, change, "revoke"},
		"Create Role":                          {iamGroup, creation, "create"},
		"Update Permission Policy":             {iamAdmin, change, "update"},
		"Attach Permission Policy":             {iamAdmin, change, "attach"},
		"Detach Permission Policies from Role": {iamAdmin, change, "detach"},
		"Grant Permission":                     {iamAdmin, change, "grant"},
		"Revoke Permission":                    {iamAdmin, change, "revoke"},
		"Something Else":                       {},
		"":                                     {},
		"\xff\xfe":                             {},
	} {
		if got := readEventType(in); got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}

func TestPaths(t *testing.T) {
	for in, want := range map[string]struct{ kind, group, path string }{
		"/apisix/admin/services?gateway_group_id=default":  {"service", "default", "/apisix/admin/services"},
		"/apisix/admin/services?a=gateway_group_id=x&b=1":  {"service", "", "/apisix/admin/services"},
		"/x?xgateway_group_id=no&gateway_group_id=a%20b+c": {"", "a b c", "/x"},
		"/x?gateway_group_id=%zz":                          {"", "%zz", "/x"},
		"/api/gateway_groups/g1/services/s1":               {"service", "g1", "/api/gateway_groups/g1/services/s1"},
		"/api/gateway_groups/services/services":            {"service", "services", "/api/gateway_groups/services/services"},
		"/api/services/publish":                            {"service", "", "/api/services/publish"},
		"https://dash:7443/apisix/admin/routes/1?x#y":      {"route", "", "/apisix/admin/routes/1"},
		"https://dash": {"", "", "/"},
		"/api/roles/r1/attach_permission_policies":   {"role", "", "/api/roles/r1/attach_permission_policies"},
		"/api/system_settings/scim/token":            {"scim_token", "", "/api/system_settings/scim/token"},
		"/apisix/admin/secret_providers/vault/1":     {"secret_provider", "", "/apisix/admin/secret_providers/vault/1"},
		"/apisix/admin/snis/1":                       {"sni", "", "/apisix/admin/snis/1"},
		"/api/import/services/template":              {"service", "", "/api/import/services/template"},
		"/apisix/admin/consumers/jack/credentials/1": {"credential", "", "/apisix/admin/consumers/jack/credentials/1"},
		"/go?to=https://x/":                          {"", "", "/go"},
		"/a/https://x/routes/1":                      {"route", "", "/a/https://x/routes/1"},
		"":                                           {}, "?": {}, "#": {}, "//": {"", "", "//"}, "://": {"", "", "://"},
	} {
		path, query := splitURI([]byte(in))
		op, group := parsePath(path), string(queryGroup(query))
		if group == "" {
			group = string(op.group)
		}
		if op.kind != want.kind || group != want.group || string(path) != want.path {
			t.Errorf("%s: kind %q, group %q, path %q", in, op.kind, group, path)
		}
	}
}

func TestTimesAsText(t *testing.T) {
	var m minute
	for in, want := range map[string]string{
		"2026-11-20T03:04:05Z":           "2026-11-20T03:04:05.000Z",
		"2026-11-20T03:04:59.002Z":       "2026-11-20T03:04:59.002Z",
		"2026-11-20T04:04:05.0203+01:00": "2026-11-20T03:04:05.020300Z",
		"2026-11-20T03:05:05.000000001Z": "2026-11-20T03:05:05.000000001Z",
		"1970-01-01T00:00:00Z":           "1970-01-01T00:00:00.000Z",
		"9999-12-31T23:59:59.999Z":       "9999-12-31T23:59:59.999Z",
		"1969-12-31T23:59:59Z":           "1969-12-31T23:59:59Z",
	} {
		at, err := time.Parse(time.RFC3339Nano, in)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(m.appendTime(nil, at)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(0, 253402300799).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		back, err := time.Parse(time.RFC3339Nano, string(m.appendTime(nil, at)))
		if err != nil || !back.Equal(at) {
			t.Fatalf("%s became %s (%v)", at, back, err)
		}
	})
}

// Names answers like a map that forgets, and never answers wrong.
func TestNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := NewNames(2000)
		last := map[string]string{}
		word := rapid.StringN(0, 30, 120)
		for range rapid.IntRange(0, 300).Draw(t, "puts") {
			id := fmt.Sprint(rapid.IntRange(0, 60).Draw(t, "id"))
			kind, name := word.Draw(t, "kind"), word.Draw(t, "name")
			_, oldKind, oldName := names.get(nil, "gw", []byte(id))
			names.put("gw", []byte(id), []byte(kind), []byte(name))
			if kind == "" {
				kind = string(oldKind)
			}
			if name == "" {
				name = string(oldName)
			}
			last[id] = kind + "/" + name
			_, gotKind, gotName := names.get(nil, "gw", []byte(id))
			if got := string(gotKind) + "/" + string(gotName); got != last[id] {
				t.Fatalf("%s: %q right after %q", id, got, last[id])
			}
		}
		for id, want := range last {
			_, kind, name := names.get(nil, "gw", []byte(id))
			if got := string(kind) + "/" + string(name); got != want && got != "/" {
				t.Fatalf("%s: %q, want %q or nothing", id, got, want)
			}
			if _, kind, name = names.get(nil, "other", []byte(id)); len(kind)+len(name) != 0 {
				t.Fatalf("%s is known at another gateway", id)
			}
		}
	})
}

func TestNamesAreBoundedAndForgetTheOldest(t *testing.T) {
	names := NewNames(10_000)
	name := bytes.Repeat([]byte("n"), 50)
	for i := range 100_000 {
		names.put("gw", fmt.Appendf(nil, "id-%d", i), []byte("service"), name)
	}
	if n := names.entries; n > 10_000/70 || n < 50 {
		t.Errorf("%d entries", n)
	}
	if _, _, got := names.get(nil, "gw", []byte("id-99999")); !bytes.Equal(got, name) {
		t.Error("the newest is forgotten")
	}
	if _, kind, got := names.get(nil, "gw", []byte("id-1")); len(kind)+len(got) != 0 {
		t.Error("the oldest is remembered")
	}
	names.put("gw", []byte("long"), nil, make([]byte, 100_000))
	if _, _, got := names.get(nil, "gw", []byte("long")); len(got) != 0 {
		t.Error("a name of 100 KB is remembered")
	}
}

// The index answers like a map, also where hashes share a slot.
func TestNamesIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		index, want := newNamesIndex(8), map[uint64]int{}
		for i := range rapid.IntRange(0, 200).Draw(t, "steps") {
			hash := rapid.Uint64Range(0, 40).Draw(t, "hash") << 32 * 3
			old, known := want[hash]
			switch {
			case !known && len(want) < index.most():
				index.put(hash, i)
				want[hash] = i
			case known && i%3 == 0:
				index.put(hash, i)
				index.remove(hash, old) // of an entry that was replaced: no effect
				want[hash] = i
			case known:
				index.remove(hash, old)
				delete(want, hash)
			}
			for h := range uint64(41) {
				h = h << 32 * 3
				got, ok := index.get(h)
				if offset, there := want[h]; ok != there || ok && got != offset {
					t.Fatalf("%x: %d %v, want %d %v", h, got, ok, offset, there)
				}
			}
		}
	})
}

func TestNamesAtOnce(t *testing.T) {
	names := NewNames(4096)
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() {
			for i := range 2000 {
				id := fmt.Appendf(nil, "id-%d", i%97)
				names.put("gw", id, []byte("service"), id)
				if _, _, name := names.get(nil, "gw", id); len(name) != 0 && !bytes.Equal(name, id) {
					t.Errorf("worker %d: %s is called %s", w, id, name)
				}
			}
		})
	}
	group.Wait()
}
