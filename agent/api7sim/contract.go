package api7sim

import (
	"bytes"
	_ "embed" // testdata/audit-openapi.json
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
)

// The part of the gateway's published specification that is about audit records,
// as it was published.
//
//go:embed testdata/audit-openapi.json
var specification []byte

// Contract is the gateway's published specification of its audit API, with which
// requests and answers are compared. It knows as much of OpenAPI as that
// specification uses. It may be used by several goroutines.
type Contract struct {
	paths map[string]operationSpec
}

type operationSpec struct {
	Parameters []parameterSpec                         `json:"parameters"`
	Responses  map[string]struct{ Content mediaTypes } `json:"responses"`
}

type mediaTypes map[string]struct {
	Schema *schema `json:"schema"`
}

type parameterSpec struct {
	Name     string  `json:"name"`
	In       string  `json:"in"`
	Required bool    `json:"required"`
	Schema   *schema `json:"schema"`
}

type schema struct {
	Type       string             `json:"type"`
	Format     string             `json:"format"`
	Enum       []any              `json:"enum"`
	Pattern    string             `json:"pattern"`
	Minimum    *float64           `json:"minimum"`
	Default    any                `json:"default"`
	Properties map[string]*schema `json:"properties"`
	Items      *schema            `json:"items"`
}

// alsoSeen are values beyond the specification's enumerations: the gateway's
// documentation of the audit page names ADC as a source too.
var alsoSeen = map[string][]any{"source": {"adc"}}

// Published is the contract as it was published.
func Published() *Contract {
	c, err := parseContract(specification)
	if err != nil {
		panic("api7sim: audit-openapi.json: " + err.Error()) // checked by the tests
	}
	return c
}

// parseContract reads a specification. A key of a schema that it does not know is
// an error: it would be a check that is silently left out.
func parseContract(text []byte) (*Contract, error) {
	var doc struct {
		OpenAPI, Info, Security, Components json.RawMessage
		Paths                               map[string]struct {
			Get struct {
				OperationID string          `json:"operationId"`
				Parameters  []parameterSpec `json:"parameters"`
				Responses   map[string]struct {
					Description string
					Content     mediaTypes
				} `json:"responses"`
			} `json:"get"`
		}
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	c := &Contract{paths: map[string]operationSpec{}}
	for path, p := range doc.Paths {
		o := operationSpec{Parameters: p.Get.Parameters, Responses: map[string]struct{ Content mediaTypes }{}}
		for status, r := range p.Get.Responses {
			o.Responses[status] = struct{ Content mediaTypes }{r.Content}
		}
		c.paths[path] = o
	}
	return c, nil
}

// CheckRequest says in what a request departs from the specification, nil for
// nothing. Parameters that it does not name are a departure.
func (c *Contract) CheckRequest(r *http.Request) error {
	o, ok := c.paths[r.URL.Path]
	if !ok {
		return fmt.Errorf("no such path: %s", r.URL.Path)
	}
	if r.Method != http.MethodGet {
		return fmt.Errorf("no such operation: %s %s", r.Method, r.URL.Path)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	var errs []error
	for name, values := range query {
		i := slices.IndexFunc(o.Parameters, func(p parameterSpec) bool { return p.In == "query" && p.Name == name })
		switch {
		case i < 0:
			errs = append(errs, fmt.Errorf("no such parameter: %s", name))
		case len(values) > 1:
			errs = append(errs, fmt.Errorf("parameter %s stands twice", name))
		default:
			errs = append(errs, prefix("parameter "+name, o.Parameters[i].Schema.checkText(values[0])))
		}
	}
	for _, p := range o.Parameters {
		if p.Required && !query.Has(p.Name) {
			errs = append(errs, fmt.Errorf("parameter %s is missing", p.Name))
		}
	}
	return errors.Join(errs...)
}

// CheckAnswer says in what a successful answer departs from the specification.
func (c *Contract) CheckAnswer(path string, status int, header http.Header, body []byte) error {
	content, ok := c.paths[path].Responses[strconv.Itoa(status)]
	if !ok {
		return fmt.Errorf("status %d of %s is not specified", status, path)
	}
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("content type: %w", err)
	}
	media, ok := content.Content[kind]
	if !ok {
		return fmt.Errorf("content type %s is not specified", kind)
	}
	if media.Schema == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("body: something follows the value")
	}
	return media.Schema.check("body", value)
}

func prefix(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// checkText checks the value of a parameter.
func (s *schema) checkText(text string) error {
	if s.Type == "integer" {
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return errors.New("is not an integer")
		}
		return s.check("value", json.Number(text))
	}
	return s.check("value", text)
}

// check checks a JSON value and everything in it. Nothing is required, as the
// specification requires nothing.
func (s *schema) check(at string, value any) error {
	var errs []error
	switch s.Type {
	case "object":
		members, ok := value.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is no object", at)
		}
		for name, member := range members {
			if known := s.Properties[name]; known != nil {
				errs = append(errs, known.check(at+"."+name, member))
			}
		}
	case "array":
		elements, ok := value.([]any)
		if !ok {
			return fmt.Errorf("%s is no array", at)
		}
		for i, element := range elements {
			errs = append(errs, s.Items.check(fmt.Sprintf("%s[%d]", at, i), element))
		}
	case "integer":
		errs = append(errs, s.checkInteger(at, value))
	case "string":
		errs = append(errs, s.checkString(at, value))
	default:
		return fmt.Errorf("%s: the specification's type %q is not understood", at, s.Type)
	}
	return errors.Join(errs...)
}

func (s *schema) checkInteger(at string, value any) error {
	number, _ := value.(json.Number)
	n, err := number.Int64()
	switch {
	case err != nil:
		return fmt.Errorf("%s is no integer", at)
	case s.Minimum != nil && float64(n) < *s.Minimum:
		return fmt.Errorf("%s is less than %v", at, *s.Minimum)
	}
	return nil
}

func (s *schema) checkString(at string, value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("%s is no string", at)
	}
	name := at[1+bytes.LastIndexByte([]byte(at), '.'):]
	if s.Enum != nil && !slices.Contains(s.Enum, value) && !slices.Contains(alsoSeen[name], value) {
		return fmt.Errorf("%s is none of %v", at, s.Enum)
	}
	if s.Pattern != "" {
		pattern, err := regexp.Compile(s.Pattern)
		if err != nil {
			return fmt.Errorf("%s: pattern: %w", at, err)
		}
		if !pattern.MatchString(text) {
			return fmt.Errorf("%s does not match %s", at, s.Pattern)
		}
	}
	return nil
}
