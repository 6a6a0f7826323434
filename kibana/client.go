package kibana

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/auditship/auditship/exporter/peer"
)

// Options say where Kibana is and how to sign in. URL is needed; everything
// else has a working zero value.
type Options struct {
	URL   string // https://host:port, with the base path if Kibana has one
	Space string // the space's identifier, not its name; "" is the default space
	// Credential returns the value of the Authorization header (see APIKey and
	// Basic). It is asked at each call, so that a rotated secret is picked up.
	// nil signs in nobody, for a Kibana without security.
	Credential func() (string, error)
	// CAFile and CAFingerprint say whom to trust instead of the system's
	// authorities; see peer.Config.
	CAFile, CAFingerprint string
	Proxy                 string        // URL; "" follows the environment
	Timeout               time.Duration // of one attempt; default 60 s
	Retries               int           // after the first attempt; default 4, -1 for none
	Backoff               peer.Backoff  // between attempts; default from 500 ms to 30 s
	Starting              time.Duration // how long to wait for a Kibana that is starting; default 3 min
	UserAgent             string        // default "auditship"

	startingPause time.Duration // between questions to a Kibana that is starting; default 3 s
}

// APIKey makes a Credential of an Elasticsearch API key, in its encoded form
// or as "id:key".
func APIKey(key func() (string, error)) func() (string, error) {
	return func() (string, error) {
		k, err := key()
		if err != nil {
			return "", err
		}
		if strings.Contains(k, ":") {
			k = base64.StdEncoding.EncodeToString([]byte(k))
		}
		return "ApiKey " + k, nil
	}
}

// Basic makes a Credential of a user name and a password.
func Basic(user string, password func() (string, error)) func() (string, error) {
	return func() (string, error) {
		p, err := password()
		if err != nil {
			return "", err
		}
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+p)), nil
	}
}

// Client talks to one space of one Kibana.
type Client struct {
	root      string // URL of Kibana
	base      string // with the space's path
	space     string
	starting  time.Duration // how long to wait for a Kibana that is starting
	pause     time.Duration // between questions to it
	userAgent string
	sign      func() (string, error)
	http      *retryablehttp.Client
}

// Identifiers of spaces, as Kibana's API checks them.
var spaceID = regexp.MustCompile(`^[a-z0-9_-]+$`)

// New makes a client and sends nothing.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("kibana url: want https://host:port") // the value may hold a password
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("kibana url: no user, password, query or fragment is allowed in it")
	}
	root := u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/")
	base := root
	if o.Space == "" {
		o.Space = "default"
	}
	if !spaceID.MatchString(o.Space) {
		return nil, errors.New("kibana space: want the identifier of a space: lower case letters, digits, _ and -")
	}
	if o.Space != "default" {
		base += "/s/" + o.Space
	}
	if o.UserAgent == "" {
		o.UserAgent = "auditship"
	}
	client, err := newHTTPClient(o)
	if err != nil {
		return nil, err
	}
	return &Client{
		root: root, base: base, space: o.Space, starting: cmp.Or(o.Starting, 3*time.Minute), pause: cmp.Or(o.startingPause, 3*time.Second),
		userAgent: o.UserAgent, sign: o.Credential, http: client,
	}, nil
}

func newHTTPClient(o Options) (*retryablehttp.Client, error) {
	way, err := peer.NewClient(peer.Config{
		CAFile: o.CAFile, Fingerprint: o.CAFingerprint, Proxy: o.Proxy, Timeout: cmp.Or(o.Timeout, time.Minute),
	})
	if err != nil {
		return nil, err
	}
	wait := o.Backoff.Or(peer.Backoff{Min: 500 * time.Millisecond, Max: 30 * time.Second, AskedMax: 30 * time.Second})
	return &retryablehttp.Client{
		HTTPClient:   way,
		RetryMax:     max(0, cmp.Or(o.Retries, 4)),
		CheckRetry:   retry,
		Backoff:      func(_, _ time.Duration, tries int, res *http.Response) time.Duration { return pause(wait, tries, res) },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
		Logger:       nil, // it would write URLs to stderr
	}, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.http.HTTPClient.CloseIdleConnections() }

// request is one call of Kibana's API.
type request struct {
	op          string // for errors: what the call is for
	method      string
	path        string // below the space's path, with query
	global      bool   // below Kibana's own path instead
	contentType string
	body        []byte
}

// Answers are a few kilobytes; one that is longer is cut and fails to parse.
const maxAnswer = 32 << 20

// call sends a request, again if that can help, and returns the body of a
// successful answer. Any other answer is an *Error.
func (c *Client) call(ctx context.Context, r request) ([]byte, error) {
	credential := ""
	if c.sign != nil {
		var err error
		if credential, err = c.sign(); err != nil {
			return nil, fmt.Errorf("kibana: %s: read the credential: %w", r.op, err)
		}
	}
	req, err := c.newRequest(ctx, r, credential)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, &peer.NoAnswer{Made: true, Sent: true, Err: fmt.Errorf("kibana: %s: %w", r.op, peer.WithoutURL(err))}
	}
	defer func() { _ = res.Body.Close() }() // read to its end below
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, &peer.NoAnswer{Made: true, Sent: true, Err: fmt.Errorf("kibana: %s: read the answer: %w", r.op, err)}
	}
	if err := c.refusal(r.op, res, body, credential); err != nil {
		return nil, err
	}
	return body, nil
}

func (c *Client) newRequest(ctx context.Context, r request, credential string) (*retryablehttp.Request, error) {
	var body any // an untyped nil is a request without a body
	if r.body != nil {
		body = r.body
	}
	base := c.base
	if r.global {
		base = c.root
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, r.method, base+r.path, body)
	if err != nil {
		return nil, fmt.Errorf("kibana: %s: %w", r.op, peer.WithoutURL(err))
	}
	req.Header.Set("kbn-xsrf", "auditship") // refused without it, any value will do
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Set("Accept", "application/json, application/ndjson")
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	if credential != "" {
		req.Header.Set("Authorization", credential)
	}
	return req, nil
}
