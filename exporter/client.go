package exporter

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/elastic/go-elasticsearch/v8"

	"github.com/auditship/auditship/exporter/peer"
)

// Config says where Elasticsearch is and how to sign in. Addresses or CloudID
// is needed; everything else has a working zero value.
type Config struct {
	Addresses []string // https://host:port
	CloudID   string   // instead of Addresses

	// Credentials, asked for at each request so that a rotated secret is
	// picked up. APIKey is the encoded form (base64 of id:key) or "id:key".
	APIKey   func() (string, error)
	Username string
	Password func() (string, error)

	CAFile        string // PEM; added to nothing: only it is trusted
	CAFingerprint string // hex SHA-256 of the authority's certificate, which the server has to show
	Proxy         string // URL; "" follows the environment
	// Timeout bounds a request from its first byte to the answer's last;
	// default 60 s.
	Timeout   time.Duration
	UserAgent string // default "auditship"
}

// Client talks to one Elasticsearch.
type Client struct {
	es  *elasticsearch.Client
	cfg Config
	way *http.Client // its transport is es's
}

// New makes a client. It reads the CA file and sends nothing.
func New(cfg Config) (*Client, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "auditship"
	}
	way, err := peer.NewClient(peer.Config{CAFile: cfg.CAFile, Fingerprint: cfg.CAFingerprint, Proxy: cfg.Proxy})
	if err != nil {
		return nil, err
	}
	es, err := elasticsearch.NewClient(elasticsearch.Config{
		Addresses: cfg.Addresses,
		CloudID:   cfg.CloudID,
		// Whom to trust stands in the transport alone: CertificateFingerprint
		// would accept any chain that holds the certificate, and a proxy passes
		// it by.
		Transport:               way.Transport,
		DisableRetry:            true,
		EnableCompatibilityMode: true,
	})
	if err != nil {
		return nil, fmt.Errorf("elasticsearch client: %w", err)
	}
	return &Client{es: es, cfg: cfg, way: way}, nil
}

// Close ends the connections that are idle, and with them their goroutines.
// The client can still be used.
func (c *Client) Close() { c.way.CloseIdleConnections() }

// Request is one call of Elasticsearch's API.
type Request struct {
	Method      string
	Path        string // with query, for example "/_resolve/index/logs-*?expand_wildcards=all"
	Body        []byte
	ContentType string // default application/json
	Encoding    string // Content-Encoding of Body, "" if it is plain
	// MaxAnswer bounds the body of the answer in bytes, as it is after
	// decompression; default 32 MiB, of JSON and JSONOf 8 MiB. A longer one is
	// ErrAnswerTooLong.
	MaxAnswer int64
}

// ErrAnswerTooLong is an answer longer than Request.MaxAnswer allows.
var ErrAnswerTooLong = errors.New("the answer is longer than allowed")

// Do sends one request and returns the body of a successful answer (status
// below 300). Any other answer is an *Error.
func (c *Client) Do(ctx context.Context, r Request) ([]byte, error) {
	a, err := c.Perform(ctx, r, nil)
	if err != nil {
		return nil, err
	}
	if err := a.Err(); err != nil {
		return nil, err
	}
	return a.Body, nil
}

// JSON sends in (nil for no body) and decodes the answer into out (nil to
// ignore it).
func (c *Client) JSON(ctx context.Context, method, path string, in, out any) error {
	return c.JSONOf(ctx, Request{Method: method, Path: path}, in, out)
}

// JSONOf is JSON of a request whose answer has a bound of its own.
func (c *Client) JSONOf(ctx context.Context, r Request, in, out any) error {
	if r.MaxAnswer == 0 {
		r.MaxAnswer = maxJSON
	}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode the request of %s: %w", r.Path, err)
		}
		r.Body = body
	}
	body, err := c.Do(ctx, r)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%s %s: the answer is not the JSON that Elasticsearch sends", r.Method, r.Path)
	}
	return nil
}

func (c *Client) newRequest(ctx context.Context, r Request) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.Path, nil)
	if err != nil {
		return nil, fmt.Errorf("request %s: %w", r.Method, err)
	}
	if r.Body != nil {
		if r.ContentType == "" {
			r.ContentType = "application/json"
		}
		req.Header.Set("Content-Type", r.ContentType)
	}
	if r.Encoding != "" {
		req.Header.Set("Content-Encoding", r.Encoding)
	}
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if err := c.signIn(req); err != nil {
		return nil, err
	}
	return req, nil
}

func (c *Client) signIn(req *http.Request) error {
	switch {
	case c.cfg.APIKey != nil:
		key, err := c.cfg.APIKey()
		if err != nil {
			return fmt.Errorf("read the API key: %w", err)
		}
		if i := bytes.IndexByte([]byte(key), ':'); i > 0 {
			key = base64.StdEncoding.EncodeToString([]byte(key))
		}
		req.Header.Set("Authorization", "ApiKey "+key)
	case c.cfg.Username != "" && c.cfg.Password != nil:
		password, err := c.cfg.Password()
		if err != nil {
			return fmt.Errorf("read the password: %w", err)
		}
		req.SetBasicAuth(c.cfg.Username, password)
	}
	return nil
}
