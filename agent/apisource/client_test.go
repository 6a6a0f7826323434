package apisource

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/api7sim"
	"github.com/auditship/auditship/exporter/peer"
)

func text(s string) func() (string, error) { return func() (string, error) { return s, nil } }

// What each answer means: the reason that is told, and whether somebody has to act.
func TestReasons(t *testing.T) {
	for name, c := range map[string]struct {
		fault       api7sim.Fault
		want        string
		unreachable bool
	}{
		"401":         {api7sim.Status(401), "does not accept the token or password (401)", false},
		"403":         {api7sim.Status(403), "iam:GetAudit on arn:api7:iam:organization/*", false},
		"404":         {api7sim.Status(404), "is url the dashboard's?", false},
		"405":         {api7sim.Status(405), "answers 405", false},
		"302":         {api7sim.RedirectToLogin, "sends elsewhere, to a login page perhaps (302)", false},
		"a page":      {api7sim.LoginPage, "answers with a web page instead of records", false},
		"400":         {api7sim.Status(400), "refuses the request (400)", false},
		"429":         {api7sim.RateLimited(""), "asks for fewer requests (429)", true},
		"408":         {api7sim.Status(408), "has trouble (408)", true},
		"500":         {api7sim.Status(500), "has trouble (500)", true},
		"dropped":     {dropConnection, "cannot be reached", true},
		"cut":         {api7sim.CutBody, "broke off its answer", true},
		"no answer":   {api7sim.Hang, "does not answer in time", true},
		"half a JSON": {api7sim.CutJSON, "gives an answer that is no list of records", false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, api7sim.Options{})
			g.fill(3, time.Minute)
			g.Inject(10, c.fault)
			timeout := time.Minute
			if name == "no answer" {
				timeout = 200 * time.Millisecond
			}
			client, err := NewClient(ClientConfig{URL: g.http.URL, Tries: 2, Timeout: timeout, Backoff: peer.Backoff{Min: time.Millisecond}})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			_, err = NewReader(client, 10).Probe(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, not %q", err, c.want)
			}
			if errors.Is(err, peer.ErrUnreachable) != c.unreachable {
				t.Errorf("unreachable: %v", !c.unreachable)
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	client, err := NewClient(ClientConfig{URL: address, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewReader(client, 10).Probe(t.Context())
	if !errors.Is(err, peer.ErrUnreachable) || strings.Contains(err.Error(), "audit_logs") {
		t.Errorf("%v", err)
	}
}

// A token that is revoked while the agent runs: it says so, keeps its place, and goes
// on when the file holds another one.
func TestARotatedTokenIsPickedUp(t *testing.T) {
	g := newGateway(t, api7sim.Options{APIKey: "old-token-0001"})
	g.fill(50, time.Hour)
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old-token-0001")
	d := newDesk(t, g)
	var log bytes.Buffer
	var mu sync.Mutex
	d.config.Log = zerolog.New(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	})).Level(zerolog.TraceLevel)
	d.config.Client.APIKey = func() (string, error) {
		token, err := os.ReadFile(file)
		return string(token), err
	}
	d.start()
	d.await(g)
	g.Set(func(o *api7sim.Options) { o.APIKey = "new-token-0002" })
	g.clock.advance(time.Minute)
	g.fill(5, 30*time.Second)
	d.until("the revoked token is told", func() bool { return strings.Contains(d.waits(), "(401)") })
	if err := os.Remove(file); err != nil { // a rotation may pass through this
		t.Fatal(err)
	}
	time.Sleep(30 * time.Millisecond)
	write("new-token-0002")
	g.clock.advance(2 * time.Second)
	d.await(g)
	d.until("it works again", func() bool { return d.waits() == "" })
	d.expectOnce(g)
	d.stop()
	for _, secret := range []string{"old-token", "new-token"} {
		if strings.Contains(log.String(), secret) || strings.Contains(strings.Join(d.reasons, " "), secret) {
			t.Errorf("%s is in the log or a reason", secret)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestATokenThatCannotBeAHeader(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	client, err := NewClient(ClientConfig{URL: g.http.URL, Tries: 1, APIKey: text("secret\nX-Other: 1")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewReader(client, 1).Probe(t.Context())
	if err == nil || strings.Contains(err.Error(), "secret\n") || g.Requests() > 0 {
		t.Errorf("%v after %d requests", err, g.Requests())
	}
}

func TestSigningIn(t *testing.T) {
	for name, c := range map[string]struct {
		server api7sim.Options
		client ClientConfig
		ok     bool
	}{
		"token":          {api7sim.Options{APIKey: "t0"}, ClientConfig{APIKey: text("t0")}, true},
		"wrong token":    {api7sim.Options{APIKey: "t0"}, ClientConfig{APIKey: text("t1")}, false},
		"basic":          {api7sim.Options{Username: "u", Password: "p:q"}, ClientConfig{Username: "u", Password: text("p:q")}, true},
		"wrong password": {api7sim.Options{Username: "u", Password: "p"}, ClientConfig{Username: "u", Password: text("q")}, false},
		"nothing":        {api7sim.Options{APIKey: "t0"}, ClientConfig{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, c.server)
			g.fill(1, time.Minute)
			c.client.URL, c.client.Tries = g.http.URL+"/", 1
			client, err := NewClient(c.client)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if _, err := NewReader(client, 1).Probe(t.Context()); (err == nil) != c.ok {
				t.Error(err)
			}
		})
	}
}

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) write(name, kind string, der []byte) string {
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue makes a certificate for this host, or a client's, and its files.
func (a *authority) issue(name string) (cert, key string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	text, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name+".pem", "CERTIFICATE", der), a.write(name+".key", "EC PRIVATE KEY", text)
}

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	serverCert, serverKey := a.issue("server")
	clientCert, clientKey := a.issue("client")
	pair, err := tls.LoadX509KeyPair(serverCert, serverKey)
	if err != nil {
		t.Fatal(err)
	}
	authorities := x509.NewCertPool()
	authorities.AddCert(a.cert)
	store := &api7sim.Store{}
	store.Add(api7sim.NewGenerator(1).Next(time.Now().Add(-time.Minute)))
	server := httptest.NewUnstartedServer(api7sim.NewServer(store, api7sim.Options{}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authorities}
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(a.dir, "ca.pem")
	for name, c := range map[string]struct {
		client ClientConfig
		want   string
	}{
		"own authority and certificate": {ClientConfig{CAFile: ca, CertFile: clientCert, KeyFile: clientKey}, ""},
		"no authority":                  {ClientConfig{CertFile: clientCert, KeyFile: clientKey}, "certificate that is not trusted"},
		"no certificate":                {ClientConfig{CAFile: ca}, "does it want a client certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			c.client.URL, c.client.Tries = server.URL, 1
			client, err := NewClient(c.client)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			_, err = NewReader(client, 1).Probe(t.Context())
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v", err)
			}
		})
	}
	for name, c := range map[string]ClientConfig{
		"no such authority":   {CAFile: filepath.Join(a.dir, "none.pem")},
		"no authority in it":  {CAFile: clientKey},
		"no such certificate": {CertFile: filepath.Join(a.dir, "none.pem"), KeyFile: clientKey},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewClient(c); err == nil {
				t.Error("taken")
			}
		})
	}
}

func TestProxy(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(1, time.Minute)
	var used atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := proxyAuth(r); !ok || user != "u" || password != "proxy-secret" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		used.Add(1)
		r.RequestURI = ""
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer func() { _ = res.Body.Close() }()
		for k, v := range res.Header {
			w.Header()[k] = v
		}
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
	}))
	defer proxy.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	address := strings.Replace(proxy.URL, "http://", "http://u:proxy-secret@", 1)
	client, err := NewClient(ClientConfig{URL: strings.Replace(g.http.URL, "127.0.0.1", "localhost", 1), Proxy: address, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := NewReader(client, 1).Probe(t.Context()); err != nil || used.Load() == 0 {
		t.Errorf("%v; the proxy was used %d times", err, used.Load())
	}
	proxy.Close()
	_, err = NewReader(client, 1).Probe(t.Context())
	var e *Error
	if !errors.As(err, &e) || strings.Contains(err.Error()+e.Unwrap().Error(), "proxy-secret") {
		t.Errorf("%v", err)
	}
}

func proxyAuth(r *http.Request) (user, password string, ok bool) {
	r.Header.Set("Authorization", r.Header.Get("Proxy-Authorization"))
	defer r.Header.Del("Authorization")
	return r.BasicAuth()
}

// Cancelling ends every kind of waiting at once.
func TestCancellingEndsWaiting(t *testing.T) {
	for name, fault := range map[string]api7sim.Fault{
		"while backing off": api7sim.RateLimited("3600"), "while it is slow": api7sim.Status(401), "while nothing comes": api7sim.Hang,
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, api7sim.Options{})
			g.Inject(100, fault)
			client, err := NewClient(ClientConfig{URL: g.http.URL, Timeout: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := NewReader(client, 1).Probe(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	}
}

func FuzzPosition(f *testing.F) {
	f.Add([]byte(`{"next":"2026-11-20T12:00:00Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePosition(data)
		if err != nil {
			return
		}
		q, err := parsePosition(p.encode())
		if err != nil || q.Next.UnixMilli() != p.Next.UnixMilli() {
			t.Errorf("%v became %v, %v", p, q, err)
		}
		if _, err := Describe(data); err != nil {
			t.Error(err)
		}
	})
}

func TestQueriesOfWindows(t *testing.T) {
	for name, c := range map[string]struct {
		bounds Bounds
		want   string
	}{
		"both included": {Bounds{1000, true, true}, "end_at=19&start_at=10"},
		"none known":    {Bounds{1000, false, false}, "end_at=20&start_at=9"},
		"milliseconds":  {Bounds{1, true, true}, "end_at=19999&start_at=10000"},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.bounds.query(10_000, 20_000)
			if got.Encode() != c.want {
				t.Errorf("%s, not %s", url.Values(got).Encode(), c.want)
			}
		})
	}
}
