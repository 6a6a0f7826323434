package kibana

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/exporter/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(estest.Wrap(m)) }

func TestR20ImportTwiceMakesNoDuplicates(t *testing.T) {
	k := newFakeKibana(t)
	c := k.client()
	for range 2 {
		if err := c.Import(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if k.count() != len(mustObjects(t)) {
			t.Fatalf("%d objects in Kibana", k.count())
		}
	}
	if got := k.sent(); !slices.Equal(got, slices.Repeat([]string{"POST /api/saved_objects/_import?overwrite=true&compatibilityMode=true"}, 2)) {
		t.Errorf("requests %q", got)
	}
}

func TestImportIntoASpace(t *testing.T) {
	k := newFakeKibana(t)
	k.prefix = "/base/s/audit"
	c := k.client(func(o *Options) { o.URL, o.Space = k.url+"/base/", "audit" })
	if err := c.Import(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if got := k.sent(); got[0] != "POST /base/s/audit/api/saved_objects/_import?overwrite=true&compatibilityMode=true" {
		t.Errorf("request %q", got[0])
	}
}

// 200 with success:false is no success.
func TestImportListsEachObjectThatWasNotTaken(t *testing.T) {
	t.Run("conflicts", func(t *testing.T) {
		k := newFakeKibana(t)
		c := k.client()
		if err := c.Import(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		var e *ImportError
		if err := c.Import(t.Context(), false); !errors.As(err, &e) || e.Imported != 0 || len(e.Failures) != len(mustObjects(t)) {
			t.Fatalf("error %v", err)
		}
		if f := e.Failures[0]; f.Kind != "conflict" || f.ID != "api7-audit-tag" {
			t.Errorf("failure %+v", f)
		}
	})
	t.Run("missing references", func(t *testing.T) {
		k := newFakeKibana(t)
		searches := ofType(t, "search")
		var e *ImportError
		if err := k.client().importObjects(t.Context(), searches, true); !errors.As(err, &e) || len(e.Failures) != len(searches) {
			t.Fatalf("error %v", err)
		}
		if f := e.Failures[0]; f.Kind != "missing_references" || !slices.Equal(f.Missing, []Reference{{Type: "index-pattern", ID: "api7-audit-logs"}}) {
			t.Errorf("failure %+v", f)
		}
		if want := "missing_references index-pattern api7-audit-logs"; !strings.Contains(e.Error(), want) {
			t.Errorf("%q does not say %q", e, want)
		}
		if k.count() != 0 {
			t.Error("the fake created objects")
		}
	})
	t.Run("unknown", func(t *testing.T) {
		k := newFakeKibana(t)
		k.refuse["api7-audit-all"] = "[attributes.density]: definition for this key is missing\nstack"
		var e *ImportError
		err := k.client().Import(t.Context(), true)
		if !errors.As(err, &e) || e.Imported != len(mustObjects(t))-1 || len(e.Failures) != 1 {
			t.Fatalf("error %v", err)
		}
		want := Failure{Type: "search", ID: "api7-audit-all", Kind: "unknown", Message: "[attributes.density]: definition for this key is missing stack"}
		if f := e.Failures[0]; f.Kind != want.Kind || f.ID != want.ID || f.Message != want.Message {
			t.Errorf("failure %+v", f)
		}
		if errors.Is(err, peer.ErrUnreachable) {
			t.Error("a refusal counts as unreachable")
		}
	})
}

func TestAnswersThatAreNoSuccess(t *testing.T) {
	page := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<html><title>Log in " + fakeSecret + "</title></html>"))
		}
	}
	body := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		status int
		says   string
	}{
		"bad credentials":     {body(401, `{"message":"no user for `+fakeSecret+`"}`), 401, "does not accept the credentials"},
		"not allowed":         {body(403, `{"message":"Unable to bulk_create search"}`), 403, `may not do this in the space "default"`},
		"newer than Kibana":   {body(422, `{"message":"Document \"x\" belongs to a more recent version of Kibana [10.9.0]"}`), 422, "more recent version of Kibana"},
		"bad request":         {body(400, `{"message":"secret-key:secret-value and secret-value are wrong"}`), 400, "*** and *** are wrong"},
		"login page":          {page(200), 200, "web page"},
		"proxy's error page":  {page(403), 403, "web page"},
		"redirect to a login": {http.RedirectHandler("/login?next=%2F", http.StatusFound).ServeHTTP, 302, "web page"},
		"no JSON":             {body(200, `<html>`), 200, "not the import API's"},
		"other JSON":          {body(200, `{"saved_objects":[]}`), 200, "not the import API's"},
		"error without JSON":  {body(500, `oops `+fakeSecret), 500, "answered 500"},
		"too large":           {body(413, `{"message":"Payload content length greater than maximum allowed"}`), 413, "greater than maximum"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newFakeKibana(t)
			k.answer = func(w http.ResponseWriter, r *http.Request) bool { c.answer(w, r); return true }
			err := k.client().Import(t.Context(), true)
			var e *Error
			if !errors.As(err, &e) || e.Status != c.status || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v", err)
			}
			if errors.Is(err, peer.ErrUnreachable) {
				t.Error("an answer counts as unreachable")
			}
			for _, secret := range []string{fakeSecret, "secret-value"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q is in the error", secret)
				}
			}
			if sent := k.sent(); len(sent) != 1 {
				t.Errorf("%d requests for an answer that will not change", len(sent))
			}
		})
	}
}

func TestBusyKibanaIsAskedAgain(t *testing.T) {
	for name, header := range map[string]string{
		"without Retry-After": "", "with seconds": "0", "with a day": "86400", "with a date": "Fri, 01 Jan 2100 00:00:00 GMT", "with nonsense": "soon",
	} {
		for _, status := range []int{429, 502, 503, 504} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				k := newFakeKibana(t)
				left := 2
				k.answer = func(w http.ResponseWriter, _ *http.Request) bool {
					if left == 0 {
						return false
					}
					left--
					w.Header().Set("Retry-After", header)
					w.WriteHeader(status)
					return true
				}
				if err := k.client().Import(t.Context(), true); err != nil {
					t.Fatal(err)
				}
				if k.count() != len(mustObjects(t)) || len(k.sent()) != 3 {
					t.Error("the third request did not carry the objects")
				}
			})
		}
	}
}

func TestKibanaThatStaysBusyIsGivenUp(t *testing.T) {
	k := newFakeKibana(t)
	k.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		k.fail(w, 503, "Kibana server is not ready yet")
		return true
	}
	err := k.client(func(o *Options) { o.Retries = 2 }).Import(t.Context(), true)
	var e *Error
	if !errors.As(err, &e) || e.Status != 503 || !strings.Contains(e.Message, "not ready yet") || len(k.sent()) != 3 {
		t.Fatalf("error %v", err)
	}
}

func TestCancelEndsTheWait(t *testing.T) {
	k := newFakeKibana(t)
	ctx, cancel := context.WithCancel(t.Context())
	k.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(429)
		cancel()
		return true
	}
	err := k.client(func(o *Options) { o.Backoff = peer.Backoff{Max: time.Hour, AskedMax: time.Hour} }).Import(ctx, true)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	k := &fakeKibana{t: t, url: server.URL}
	_, err := k.client(func(o *Options) { o.Retries = 1 }).Verify(t.Context())
	if err == nil || !errors.Is(err, peer.ErrUnreachable) || strings.Contains(err.Error(), "http://") {
		t.Fatalf("error %v", err)
	}
}

func TestCertificateIsChecked(t *testing.T) {
	k := newFakeKibana(t)
	server := httptest.NewTLSServer(k)
	defer server.Close()
	server.Config.ErrorLog = nil
	with := func(fingerprint string) func(*Options) {
		return func(o *Options) { o.URL, o.CAFingerprint = server.URL, fingerprint }
	}
	if err := k.client(with("")).Import(t.Context(), true); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v", err)
	}
	if sent := k.sent(); len(sent) != 0 {
		t.Errorf("requests %q went to a server that nobody vouches for", sent)
	}
	if err := k.client(with(peer.Fingerprint(server.Certificate()))).Import(t.Context(), true); err != nil {
		t.Error(err)
	}
}

func TestCredentials(t *testing.T) {
	give := func(s string) func() (string, error) { return func() (string, error) { return s, nil } }
	for name, c := range map[string]struct {
		credential func() (string, error)
		want       string
	}{
		"API key, encoded": {APIKey(give(fakeSecret)), fakeCredential},
		"API key, plain":   {APIKey(give("secret-key:secret-value")), fakeCredential},
		"password":         {Basic("kim", give("pass:word")), "Basic a2ltOnBhc3M6d29yZA=="},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := c.credential(); err != nil || got != c.want {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	t.Run("rotated", func(t *testing.T) {
		k := newFakeKibana(t)
		key := "b2xkOm9sZA=="
		c := k.client(func(o *Options) { o.Credential = APIKey(func() (string, error) { return key, nil }) })
		var e *Error
		if _, err := c.Version(t.Context()); !errors.As(err, &e) || e.Status != 401 {
			t.Fatalf("error %v", err)
		}
		key = fakeSecret
		if v, err := c.Version(t.Context()); err != nil || v != "8.19.9" {
			t.Errorf("version %q, %v", v, err)
		}
	})
	t.Run("unreadable", func(t *testing.T) {
		k := newFakeKibana(t)
		gone := errors.New("open /run/secrets/kibana: no such file")
		for _, credential := range []func() (string, error){
			APIKey(func() (string, error) { return "", gone }), Basic("kim", func() (string, error) { return "", gone }),
		} {
			_, err := k.client(func(o *Options) { o.Credential = credential }).Version(t.Context())
			if !errors.Is(err, gone) || len(k.sent()) != 0 {
				t.Errorf("error %v", err)
			}
		}
	})
}

func TestOptionsThatCannotWork(t *testing.T) {
	for name, o := range map[string]Options{
		"no URL":            {},
		"no scheme":         {URL: "kibana:5601"},
		"password in URL":   {URL: "https://kim:secret-value@kibana:5601"},
		"query in URL":      {URL: "https://kibana:5601/?key=secret-value"},
		"not a URL":         {URL: "https://kim:secret-value@ kibana"},
		"name of a space":   {URL: "https://kibana:5601", Space: "Audit & Co"},
		"space with a path": {URL: "https://kibana:5601", Space: "../api"},
		"proxy":             {URL: "https://kibana:5601", Proxy: "http://kim:secret-value@ proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(o)
			if err == nil || strings.Contains(err.Error(), "secret-value") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestProxyIsUsed(t *testing.T) {
	k := newFakeKibana(t) // a proxy gets the whole URL and so can be the server itself
	c := k.client(func(o *Options) { o.URL, o.Proxy = "http://kibana.invalid:5601", k.url })
	if v, err := c.Version(t.Context()); err != nil || v != "8.19.9" {
		t.Errorf("version %q, %v", v, err)
	}
}

func TestVersionOfSomethingElse(t *testing.T) {
	k := newFakeKibana(t)
	k.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		k.send(w, 200, map[string]any{"status": map[string]any{"overall": "available"}}) // what Kibana tells nobody in particular
		return true
	}
	if v, err := k.client().Version(t.Context()); err == nil {
		t.Errorf("version %q", v)
	}
}

// FuzzImportVerdict: no answer but the API's own success is one.
func FuzzImportVerdict(f *testing.F) {
	f.Add([]byte(`{"successCount":2,"success":true,"warnings":[]}`))
	f.Add([]byte(`{"successCount":0,"success":false,"errors":[{"id":"a","type":"tag","error":{"type":"conflict"}}]}`))
	f.Add([]byte(`{"success":true}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		err := importVerdict(body, 2)
		var answer struct {
			Success      bool
			SuccessCount int
		}
		if err == nil && (json.Unmarshal(body, &answer) != nil || !answer.Success || answer.SuccessCount != 2) {
			t.Errorf("%q counts as a success", body)
		}
		if err != nil && err.Error() == "" {
			t.Error("an empty error")
		}
	})
}

// FuzzRefusal: no error body of Kibana's carries the credential into the error.
func FuzzRefusal(f *testing.F) {
	f.Add(400, []byte(`{"message":"`+fakeSecret+`"}`))
	f.Add(400, []byte(`{"message":"x","attributes":{"objects":[{"type":"tag","id":"y","error":{"statusCode":404}}]}}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 300 || status > 999 {
			return
		}
		c := &Client{space: "default"}
		err := c.refusal("import", &http.Response{StatusCode: status, Header: http.Header{}}, body, fakeCredential)
		if err == nil || strings.Contains(err.Error(), fakeSecret) || strings.Contains(err.Error(), "secret-value") {
			t.Errorf("error %v", err)
		}
	})
}
