package exporter

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Privileges are rights in Elasticsearch's own words.
type Privileges struct {
	Cluster []string          `json:"cluster"`
	Indices []IndexPrivileges `json:"index"`
}

// IndexPrivileges are rights on data streams and indices; Names may be
// patterns, and then everything they match is meant.
type IndexPrivileges struct {
	Names      []string `json:"names"`
	Privileges []string `json:"privileges"`
}

// Privilege is one right.
type Privilege struct {
	Name string // for example create_doc
	On   string // data stream or pattern; "" for a cluster privilege
}

func (m Privilege) String() string {
	if m.On == "" {
		return "cluster privilege " + m.Name
	}
	return "index privilege " + m.Name + " on " + m.On
}

// Each lists the privileges one by one, those of the cluster first.
func (p Privileges) Each() []Privilege {
	var all []Privilege
	for _, name := range p.Cluster {
		all = append(all, Privilege{Name: name})
	}
	for _, group := range p.Indices {
		for _, on := range group.Names {
			for _, name := range group.Privileges {
				all = append(all, Privilege{Name: name, On: on})
			}
		}
	}
	return all
}

// ErrSecurityOff means that the server has security switched off: everybody may
// do everything, and there are no users, roles and keys.
var ErrSecurityOff = errors.New("security is off on this Elasticsearch")

// CheckPrivileges asks Elasticsearch which of the needed privileges the
// client's own user or key lacks, in the order of need. Anybody who can sign in
// may ask. A server with security off is ErrSecurityOff. See https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-security-has-privileges.
func (c *Client) CheckPrivileges(ctx context.Context, need Privileges) ([]Privilege, error) {
	if need.Cluster == nil {
		need.Cluster = []string{}
	}
	if need.Indices == nil {
		need.Indices = []IndexPrivileges{}
	}
	var answer struct {
		Cluster map[string]bool            `json:"cluster"`
		Index   map[string]map[string]bool `json:"index"`
	}
	err := c.JSONOf(ctx, Request{Method: "POST", Path: "/_security/user/_has_privileges", MaxAnswer: smallAnswer}, need, &answer)
	var e *Error
	if errors.As(err, &e) && e.Type == "" && (e.Status == 400 || e.Status == 405) {
		return nil, ErrSecurityOff // no such endpoint: the error is a text, not an object
	}
	if err != nil {
		return nil, fmt.Errorf("check privileges: %w", err)
	}
	var missing []Privilege
	for _, one := range need.Each() {
		has := answer.Cluster[one.Name]
		if one.On != "" {
			has = answer.Index[one.On][one.Name]
		}
		if !has {
			missing = append(missing, one)
		}
	}
	return missing, nil
}

// KeyExpires is when the client's own API key ends: the zero time if it never does, or
// if the client signs in without one.
func (c *Client) KeyExpires(ctx context.Context) (time.Time, error) {
	if c.cfg.APIKey == nil {
		return time.Time{}, nil
	}
	key, err := c.cfg.APIKey()
	if err != nil {
		return time.Time{}, fmt.Errorf("read the API key: %w", err)
	}
	if plain, err := base64.StdEncoding.DecodeString(key); err == nil {
		key = string(plain)
	}
	id, _, _ := strings.Cut(key, ":")
	var answer struct {
		Keys []struct {
			Expiration int64 `json:"expiration"` // milliseconds since 1970
		} `json:"api_keys"`
	}
	if err := c.JSON(ctx, http.MethodGet, "/_security/api_key?id="+url.QueryEscape(id), nil, &answer); err != nil {
		return time.Time{}, fmt.Errorf("ask when the API key ends: %w", err)
	}
	if len(answer.Keys) != 1 || answer.Keys[0].Expiration == 0 {
		return time.Time{}, nil
	}
	return time.UnixMilli(answer.Keys[0].Expiration), nil
}
