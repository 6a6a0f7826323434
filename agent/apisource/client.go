package apisource

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/auditship/auditship/exporter/peer"
)

// ClientConfig says where the audit API is and how to sign in. URL is needed;
// everything else has a working zero value.
type ClientConfig struct {
	URL string // https://host:port of the dashboard

	// Credentials, asked for before each try so that a rotated secret is in use
	// with the next one. APIKey goes before Username.
	APIKey   func() (string, error)
	Username string
	Password func() (string, error)

	CAFile            string // PEM; instead of the system's authorities
	CertFile, KeyFile string // PEM; read again for each connection
	Proxy             string // URL; "" follows the environment

	// Timeout bounds one try with its answer. Default 30 s.
	Timeout time.Duration
	// Tries bounds how often a request is made before its error is returned. 0:
	// until it succeeds or its context ends, and what somebody has to set right
	// is tried again too, slowly.
	Tries int
	// Notify is told why a try failed, and "" when one succeeded.
	Notify func(reason string)

	// Backoff is the pause before the next try. Default from 500 ms to 30 s, and
	// 5 min if the gateway asks for it.
	Backoff peer.Backoff
	// SlowRetry is the pause where somebody has to act. Default 30 s.
	SlowRetry time.Duration
}

func (c ClientConfig) withDefaults() ClientConfig {
	c.URL = strings.TrimSuffix(c.URL, "/")
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	c.Backoff = c.Backoff.Or(peer.Backoff{Min: 500 * time.Millisecond, Max: 30 * time.Second, AskedMax: 5 * time.Minute})
	c.SlowRetry = cmp.Or(c.SlowRetry, 30*time.Second)
	if c.Notify == nil {
		c.Notify = func(string) {}
	}
	return c
}

// Client asks the audit API. It is NOT safe for concurrent use.
type Client struct {
	cfg  ClientConfig
	http *retryablehttp.Client

	date     time.Time // of the last answer that had one
	received time.Time

	call call // the request under way
}

// call is one request with its tries.
type call struct {
	bound  int64 // of the answer, in bytes
	once   bool  // a failure is neither tried again nor told
	failed *Error
	tries  int
	handle func(body []byte) error
	body   []byte // the beginning of an answer that was too long or broken
	length int64  // of that answer, as far as it is known
}

// NewClient makes a client. It reads the files that cfg names and sends nothing.
func NewClient(cfg ClientConfig) (*Client, error) {
	cfg = cfg.withDefaults()
	way, err := peer.NewClient(peer.Config{
		CAFile: cfg.CAFile, CertFile: cfg.CertFile, KeyFile: cfg.KeyFile, Proxy: cfg.Proxy, Timeout: cfg.Timeout,
	})
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg}
	c.http = &retryablehttp.Client{
		HTTPClient:   way,
		RetryMax:     math.MaxInt,
		CheckRetry:   c.checkRetry,
		Backoff:      c.backoff,
		PrepareRetry: c.prepareRetry,
		ErrorHandler: func(_ *http.Response, err error, _ int) (*http.Response, error) { return nil, err },
	}
	return c, nil
}

// Close gives idle connections back.
func (c *Client) Close() { c.http.HTTPClient.CloseIdleConnections() }

// Now is the gateway's clock, to the second: the Date of its last answer and the
// time since. It is the agent's clock as long as no answer had a Date.
func (c *Client) Now() time.Time {
	if c.date.IsZero() {
		return time.Now().Truncate(time.Second)
	}
	return c.date.Add(time.Since(c.received)).Truncate(time.Second)
}

// get makes a request and hands the body of its answer to handle, which returns an
// error for one that is not what was asked for.
func (c *Client) get(ctx context.Context, path string, query url.Values, o call) error {
	address := c.cfg.URL + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return errors.New("url: not a URL")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("User-Agent", "auditship")
	req.SetResponseHandler(c.read)
	c.call = o
	if err := c.sign(req.Request); err != nil {
		return c.unsigned(ctx, err)
	}
	_, err = c.http.Do(req) // read closes the body
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	if !o.once {
		c.cfg.Notify("")
	}
	return nil
}

// unsigned waits where the credentials cannot be read, and says so.
func (c *Client) unsigned(ctx context.Context, err error) error {
	e := &Error{Reason: "is not asked: the credentials cannot be read", class: lasting, cause: err}
	if c.cfg.Tries > 0 || c.call.once {
		return e
	}
	c.cfg.Notify(e.Reason)
	if err := peer.Sleep(ctx, c.cfg.SlowRetry); err != nil {
		return err
	}
	return e
}

// sign puts the credentials as they are now into a request.
func (c *Client) sign(r *http.Request) error {
	switch {
	case c.cfg.APIKey != nil:
		key, err := c.cfg.APIKey()
		if err != nil {
			return fmt.Errorf("api_key: %w", err)
		}
		if strings.ContainsFunc(key, unicode.IsControl) {
			return errors.New("api_key: holds a line break or a control character")
		}
		r.Header.Set("X-API-KEY", key)
	case c.cfg.Username != "" && c.cfg.Password != nil:
		password, err := c.cfg.Password()
		if err != nil {
			return fmt.Errorf("password: %w", err)
		}
		r.SetBasicAuth(c.cfg.Username, password)
	}
	return nil
}

// prepareRetry signs the next try anew: the token may have been rotated. The header
// is copied because the transport may still be writing the last try's. Where the
// credentials cannot be read, the old ones are tried.
func (c *Client) prepareRetry(r *http.Request) error {
	r.Header = r.Header.Clone()
	_ = c.sign(r) // a file that is just being written; the next try reads it again
	return nil
}

// read takes an answer. Its error is an *Error.
func (c *Client) read(res *http.Response) error {
	defer func() { _ = res.Body.Close() }() // read to its end, or given up
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		c.date, c.received = date, time.Now()
	}
	if res.StatusCode != http.StatusOK {
		e := statusError(res.StatusCode)
		_, _ = io.CopyN(io.Discard, res.Body, 4096) // so that the connection can be used again
		return e
	}
	var body bytes.Buffer
	bound := c.call.bound
	switch n := res.ContentLength; {
	case n > bound:
		bound = keptBytes // it is too long; no more than its beginning is read
	case n > 0:
		body.Grow(int(n) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(io.LimitReader(res.Body, bound+1)); err != nil {
		e := networkError(err)
		e.Reason = "broke off its answer"
		return e
	}
	c.call.length = max(res.ContentLength, int64(body.Len()))
	if int64(body.Len()) > bound {
		c.keep(body.Bytes())
		return &Error{Status: res.StatusCode, Reason: "gives an answer that is too long", class: tooLong}
	}
	if isPage(res.Header, body.Bytes()) {
		return &Error{Status: res.StatusCode, Reason: "answers with a web page instead of records: a login page perhaps", class: lasting}
	}
	if err := c.call.handle(body.Bytes()); err != nil {
		c.keep(body.Bytes())
		var own *Error
		if errors.As(err, &own) {
			return own
		}
		return &Error{Status: res.StatusCode, Reason: "gives an answer that is no list of records", class: broken, cause: err}
	}
	return nil
}

// keptBytes is how much is kept of an answer that is too long or broken: enough to see
// which record it is.
const keptBytes = 16 << 10

func (c *Client) keep(body []byte) { c.call.body = bytes.Clone(body[:min(len(body), keptBytes)]) }

// isPage recognises HTML by its type or its first character.
func isPage(h http.Header, body []byte) bool {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type")) // without one, the body tells
	return kind == "text/html" || bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
}

// brokenTries is how often an answer may be broken before it is believed.
const brokenTries = 3

// checkRetry decides whether there is another try. It is called with no error before
// an answer is read, and again with what reading it brought.
func (c *Client) checkRetry(ctx context.Context, _ *http.Response, err error) (bool, error) {
	if err == nil {
		return false, nil
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	var e *Error
	if !errors.As(err, &e) {
		e = networkError(err)
	}
	c.call.failed = e
	c.call.tries++
	if c.call.once {
		return false, e
	}
	switch e.class {
	case refused, tooLong:
		return false, e
	case broken:
		if c.call.tries >= brokenTries {
			return false, e
		}
	case lasting:
		if c.cfg.Tries > 0 {
			return false, e
		}
	}
	if c.cfg.Tries > 0 && c.call.tries >= c.cfg.Tries {
		return false, e
	}
	c.cfg.Notify(e.Reason)
	return true, nil
}

// backoff is the pause before the next try.
func (c *Client) backoff(_, _ time.Duration, _ int, res *http.Response) time.Duration {
	if c.call.failed.class == lasting {
		return peer.Jitter(c.cfg.SlowRetry)
	}
	var asked time.Duration
	if res != nil {
		asked = peer.RetryAfter(res.Header, time.Now())
	}
	return c.cfg.Backoff.Pause(c.call.tries, asked)
}
