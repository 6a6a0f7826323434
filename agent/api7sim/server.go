package api7sim

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Options say how the gateway's audit API behaves where its specification leaves it
// open. The zero value needs no credentials, takes seconds, includes both bounds
// and grants any page.
type Options struct {
	// Clock is the gateway's clock, which its answers' Date shows. Default: the
	// host's.
	Clock func() time.Time

	// APIKey, or Username and Password, are asked for where they are set.
	APIKey             string
	Username, Password string

	Milliseconds   bool // start_at and end_at are milliseconds
	ExclusiveStart bool // start_at itself is left out
	ExclusiveEnd   bool // end_at itself is left out

	MaxPage          int  // the largest page that is granted; 0: any
	RefuseLargePages bool // 400 for a larger page instead of a smaller one
	NewestFirst      bool // direction is ignored: the newest record is always first
	Shuffle          bool // records of one instant come in another order each time

	Hide bool // lists are empty under their true total

	// Total changes the total of an answer, nil leaves it.
	Total func(int) int
	// BeforeList is called before a list is put together, for what happens
	// while a client pages.
	BeforeList func(query url.Values)
}

// Fault answers a request in place of the API, or changes how it does.
type Fault func(w http.ResponseWriter, r *http.Request, api http.Handler)

// Server serves the audit API of a Store. It may be used by several goroutines.
// Requests that depart from the published specification get a 400 and are kept for
// Violations.
type Server struct {
	store    *Store
	contract *Contract

	mu         sync.Mutex
	options    Options
	faults     []Fault
	requests   int
	violations []error
}

// NewServer makes a server.
func NewServer(store *Store, o Options) *Server {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &Server{store: store, contract: Published(), options: o}
}

// Set changes options while the server runs.
func (s *Server) Set(change func(*Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.options)
}

// Inject puts a fault in place of the next n answers, after those of earlier calls.
func (s *Server) Inject(n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.faults = append(s.faults, f)
	}
}

// Requests is how many requests came, with those that got a fault.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Violations are the departures of requests from the specification so far.
func (s *Server) Violations() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.violations...)
}

// take counts a request and gives what is to happen to it.
func (s *Server) take() (Options, Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	var f Fault
	if len(s.faults) > 0 {
		f, s.faults = s.faults[0], s.faults[1:]
	}
	return s.options, f
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o, fault := s.take()
	w.Header().Set("Date", o.Clock().UTC().Format(http.TimeFormat))
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, o) })
	if fault != nil {
		fault(w, r, api)
		return
	}
	api(w, r)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, o Options) {
	if !o.admits(r) {
		fail(w, http.StatusUnauthorized, "invalid credentials")
		return
	}
	if err := s.contract.CheckRequest(r); err != nil {
		s.mu.Lock()
		s.violations = append(s.violations, err)
		s.mu.Unlock()
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	s.store.release(o.Clock())
	switch r.URL.Path {
	case "/api/audit_logs":
		s.list(w, r.URL.Query(), o)
	case "/api/audit_logs/event_types":
		types := EventTypes()
		answer(w, encode(map[string]any{"total": len(types), "list": types}))
	case "/api/audit_logs/export":
		s.export(w, r.URL.Query(), o)
	}
}

func (o Options) admits(r *http.Request) bool {
	if o.APIKey == "" && o.Username == "" {
		return true
	}
	user, password, ok := r.BasicAuth()
	return o.APIKey != "" && r.Header.Get("X-API-KEY") == o.APIKey ||
		o.Username != "" && ok && user == o.Username && password == o.Password
}

func (s *Server) list(w http.ResponseWriter, q url.Values, o Options) {
	page, size := number(q, "page", 1), number(q, "page_size", 10)
	if o.MaxPage > 0 && size > o.MaxPage {
		if o.RefuseLargePages {
			fail(w, http.StatusBadRequest, "page_size is too large")
			return
		}
		size = o.MaxPage
	}
	if o.BeforeList != nil {
		o.BeforeList(q)
	}
	found := s.store.find(o.filter(q))
	if o.Shuffle {
		shuffle(found)
	}
	if o.NewestFirst || q.Get("direction") != "asc" {
		slices.Reverse(found)
	}
	total := len(found)
	if o.Total != nil {
		total = o.Total(total)
	}
	if o.Hide {
		found = nil
	}
	first := min((page-1)*size, len(found))
	answer(w, append(appendTexts(fmt.Appendf(nil, `{"total":%d,"list":`, total), found[first:min(first+size, len(found))]), '}'))
}

// shuffle mixes the records of each instant.
func shuffle(entries []entry) {
	for begin := 0; begin < len(entries); {
		end := begin + 1
		for end < len(entries) && entries[end].at == entries[begin].at {
			end++
		}
		same := entries[begin:end]
		rand.Shuffle(len(same), func(i, j int) { same[i], same[j] = same[j], same[i] })
		begin = end
	}
}

// filter reads the parameters that say which records.
func (o Options) filter(q url.Values) filter {
	f := filter{
		to:        math.MaxInt64,
		eventType: q.Get("event_type"), operator: q.Get("operator_id"), resource: q.Get("resource_id"),
	}
	unit := int64(1000)
	if o.Milliseconds {
		unit = 1
	}
	if q.Has("start_at") {
		f.from = scale(number(q, "start_at", 0), unit)
		if o.ExclusiveStart {
			f.from++
		}
	}
	if q.Has("end_at") {
		f.to = scale(number(q, "end_at", 0), unit)
		if o.ExclusiveEnd {
			f.to--
		}
	}
	return f
}

func scale(n int, unit int64) int64 {
	if int64(n) > math.MaxInt64/unit {
		return math.MaxInt64
	}
	return int64(n) * unit
}

// number reads a parameter; the contract said that it is a number.
func number(q url.Values, name string, otherwise int) int {
	n, err := strconv.Atoi(q.Get(name))
	if err != nil {
		return otherwise
	}
	return n
}

// csvColumns are the columns of an export: the record's keys.
var csvColumns = []string{
	"id", "event_time", "operator", "source", "token_name", "event_type", "resource_id",
	"ip_address", "error_message", "http_request", "http_response",
}

func (s *Server) export(w http.ResponseWriter, q url.Values, o Options) {
	found := s.store.find(o.filter(q))
	slices.Reverse(found)
	if q.Get("format") == "json" {
		answer(w, appendTexts(nil, found))
		return
	}
	w.Header().Set("Content-Type", "text/csv")
	rows := csv.NewWriter(w)
	_ = rows.Write(csvColumns) // Flush would tell
	for _, e := range found {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(e.text, &members); err != nil {
			continue // no record
		}
		row := make([]string, len(csvColumns))
		for i, name := range csvColumns {
			row[i] = cell(members[name])
		}
		_ = rows.Write(row) // Flush would tell
	}
	rows.Flush() // the client may be gone
}

// cell is a JSON value as a cell: a string without its quotes, anything else as it
// is written.
func cell(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

func answer(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the client may be gone
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(encode(map[string]string{"error_msg": message})) // the client may be gone
}

// Status answers with a status and no records.
func Status(status int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { fail(w, status, http.StatusText(status)) }
}

// RateLimited answers 429 and says when to come back, in the header's own words; ""
// leaves the header out.
func RateLimited(retryAfter string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		fail(w, http.StatusTooManyRequests, "too many requests")
	}
}

// LoginPage answers 200 with a page, as a proxy before the gateway may.
func LoginPage(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprint(w, "<!doctype html><title>Sign in</title>") // the client may be gone
}

// RedirectToLogin sends the client to a login page.
func RedirectToLogin(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	http.Redirect(w, r, "/login?from="+url.QueryEscape(r.URL.String()), http.StatusFound)
}

// CutBody ends the connection in the middle of the answer.
func CutBody(w http.ResponseWriter, r *http.Request, api http.Handler) {
	whole := &recorder{header: http.Header{}}
	api.ServeHTTP(whole, r)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(whole.body.Len()))
	_, _ = w.Write(whole.body.Bytes()[:whole.body.Len()/2]) // the client may be gone
	_ = http.NewResponseController(w).Flush()               // before the connection ends
	panic(http.ErrAbortHandler)
}

// CutJSON gives half of the answer as if it were whole.
func CutJSON(w http.ResponseWriter, r *http.Request, api http.Handler) {
	whole := &recorder{header: http.Header{}}
	api.ServeHTTP(whole, r)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(whole.body.Bytes()[:whole.body.Len()/2]) // the client may be gone
}

// Hang answers nothing until the client gives up.
func Hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() }

// recorder keeps an answer.
type recorder struct {
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(int)             {}
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
