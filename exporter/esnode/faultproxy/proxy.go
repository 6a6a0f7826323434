package faultproxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is something that can happen to a request.
type Fault string

// The faults. Those that say "some items" change only bulk requests, and are None
// for others.
const (
	None         Fault = "none"
	Slow         Fault = "slow"                 // the answer comes late
	SomeRejected Fault = "429 for some items"   // the others are passed on
	TooLarge     Fault = "413"                  // of bulk requests larger than largest; nothing is passed on
	Overloaded   Fault = "429"                  // nothing is passed on
	Unavailable  Fault = "503"                  // nothing is passed on
	TimedOut     Fault = "504 although done"    // the node did it
	HalfAnswer   Fault = "half of the answer"   // the node did it, the connection ends
	HalfRequest  Fault = "half of the request"  // the node sees no end of it, the client a reset
	ResetBefore  Fault = "reset before sending" // nothing is passed on
	ResetAfter   Fault = "reset after sending"  // the node did it
)

// All lists the faults, without None.
func All() []Fault {
	return []Fault{Slow, SomeRejected, TooLarge, Overloaded, Unavailable, TimedOut, HalfAnswer, HalfRequest, ResetBefore, ResetAfter}
}

// largest is the body that TooLarge still lets through, above one record of any test
// (compressed, as it comes): one that is refused alone is rightly a dead letter.
const largest = 4 << 10

// Proxy is a running proxy. Make it with Start.
type Proxy struct {
	URL string // plain HTTP, on a free port of 127.0.0.1

	node   string
	client *http.Client
	server *http.Server
	choose func(path string) Fault

	mu     sync.Mutex
	counts map[Fault]int
}

// Start starts a proxy to the node at an address, whose certificate the authority
// in caFile signed. choose is asked for the fault of each request, by its path, and
// may be asked by several goroutines at once.
func Start(node, caFile string, choose func(path string) Fault) (*Proxy, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("read authority of Elasticsearch: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", caFile)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		URL: "http://" + listener.Addr().String(), node: node, choose: choose, counts: map[Fault]int{},
		// Compression is the client's affair: it is passed through.
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableCompression: true}},
	}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	go func() { _ = p.server.Serve(listener) }() // ends with Close
	return p, nil
}

// Close breaks all connections and ends the proxy.
func (p *Proxy) Close() error {
	p.client.CloseIdleConnections()
	return p.server.Close()
}

// Counts tells how often each fault happened.
func (p *Proxy) Counts() map[Fault]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

// ServeHTTP passes a request on, or does to it what was chosen.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	fault := p.choose(r.URL.Path)
	bulk := strings.HasSuffix(r.URL.Path, "/_bulk")
	if fault == SomeRejected && !bulk || fault == TooLarge && (!bulk || len(body) <= largest) {
		fault = None
	}
	p.mu.Lock()
	p.counts[fault]++
	p.mu.Unlock()
	switch fault {
	case Slow:
		time.Sleep(700 * time.Millisecond)
		p.pass(w, r, body)
	case SomeRejected:
		p.rejectSome(w, r, body)
	case TooLarge:
		refuse(w, http.StatusRequestEntityTooLarge)
	case Overloaded:
		refuse(w, http.StatusTooManyRequests)
	case Unavailable:
		refuse(w, http.StatusServiceUnavailable)
	case ResetBefore:
		reset(w)
	case HalfRequest:
		_, _ = p.forward(r, io.MultiReader(bytes.NewReader(body[:len(body)/2]), broken{}), int64(len(body))) // fails
		reset(w)
	case TimedOut, HalfAnswer, ResetAfter:
		p.passBadly(w, r, body, fault)
	default:
		p.pass(w, r, body)
	}
}

// broken is a body that ends too early.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken off") }

// refuse answers as a balancer does: with a page.
func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<html><h1>%d %s</h1></html>", status, http.StatusText(status)) // the client may be gone
}

// reset breaks the client's connection without a word.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // what follows is a RST
	}
	_ = conn.Close()
}

// answer is what the node said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// forward sends the request to the node.
func (p *Proxy) forward(r *http.Request, body io.Reader, length int64) (answer, error) {
	// The node may finish what the client gave up, as behind any proxy.
	ctx := context.WithoutCancel(r.Context())
	request, err := http.NewRequestWithContext(ctx, r.Method, p.node+r.URL.RequestURI(), body)
	if err != nil {
		return answer{}, err
	}
	request.ContentLength = length
	request.Header = r.Header.Clone()
	response, err := p.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, text}, err
}

func (p *Proxy) pass(w http.ResponseWriter, r *http.Request, body []byte) {
	a, err := p.forward(r, bytes.NewReader(body), int64(len(body)))
	if err != nil {
		refuse(w, http.StatusBadGateway)
		return
	}
	a.write(w, a.body)
}

// write sends an answer whose body begins with text. The rest of what the header
// announces never comes.
func (a answer) write(w http.ResponseWriter, text []byte) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(text) // the client may be gone
}

// passBadly lets the node do its work and spoils the answer.
func (p *Proxy) passBadly(w http.ResponseWriter, r *http.Request, body []byte, fault Fault) {
	a, err := p.forward(r, bytes.NewReader(body), int64(len(body)))
	switch {
	case err != nil:
		refuse(w, http.StatusBadGateway)
	case fault == TimedOut:
		refuse(w, http.StatusGatewayTimeout)
	case fault == ResetAfter:
		reset(w)
	default:
		a.write(w, a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush() // what can be sent, is
		panic(http.ErrAbortHandler)
	}
}
