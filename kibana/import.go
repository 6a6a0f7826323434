package kibana

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
)

// Import sends the whole bundle. With overwrite it replaces what is there,
// whoever changed it; Apply is the careful way. Without overwrite Kibana
// creates nothing if a single object is there already.
func (c *Client) Import(ctx context.Context, overwrite bool) error {
	objects, err := Objects()
	if err != nil {
		return err
	}
	return c.importObjects(ctx, objects, overwrite)
}

// ImportError means that Kibana did not take every object. If any of the
// failures is a conflict or a missing reference, it took none.
type ImportError struct {
	Imported int // how many it took
	Failures []Failure
}

// Failure is one object that Kibana did not take.
type Failure struct {
	Type, ID string
	// Kind is Kibana's word: conflict, ambiguous_conflict,
	// missing_references, unsupported_type, unknown.
	Kind string
	// Missing are the objects that a missing_references lacks.
	Missing []Reference
	// Message is Kibana's text, with unknown only.
	Message string
}

func (e *ImportError) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "kibana: import: %d objects taken, %d refused", e.Imported, len(e.Failures))
	for _, f := range e.Failures {
		fmt.Fprintf(&s, "; %s %s: %s", f.Type, f.ID, f.Kind)
		for _, r := range f.Missing {
			fmt.Fprintf(&s, " %s %s", r.Type, r.ID)
		}
		if f.Message != "" {
			s.WriteString(" (" + f.Message + ")")
		}
	}
	return s.String()
}

// importObjects sends objects to the import API, which answers 200 even if it
// took none.
func (c *Client) importObjects(ctx context.Context, objects []Object, overwrite bool) error {
	form, contentType, err := importForm(objects)
	if err != nil {
		return err
	}
	path := "/api/saved_objects/_import"
	if overwrite {
		path += "?overwrite=true&compatibilityMode=true"
	}
	body, err := c.call(ctx, request{op: "import", method: http.MethodPost, path: path, contentType: contentType, body: form})
	if err != nil {
		return err
	}
	return importVerdict(body, len(objects))
}

// importForm makes the multipart form that the import API wants.
func importForm(objects []Object) (form []byte, contentType string, err error) {
	ndjson, err := pack(objects)
	if err != nil {
		return nil, "", err
	}
	return formOf("api7-audit.ndjson", ndjson)
}

// formOf makes a multipart form of one file, whose name has to end in .ndjson.
func formOf(name string, content []byte) (form []byte, contentType string, err error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	file, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = file.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, "", fmt.Errorf("kibana: make the import form: %w", err)
	}
	return body.Bytes(), w.FormDataContentType(), nil
}

// importVerdict reads the import API's answer to sent objects.
func importVerdict(body []byte, sent int) error {
	var answer struct {
		Success      *bool `json:"success"`
		SuccessCount int   `json:"successCount"`
		Errors       []struct {
			Type  string `json:"type"`
			ID    string `json:"id"`
			Error struct {
				Type       string      `json:"type"`
				Message    string      `json:"message"`
				References []Reference `json:"references"`
			} `json:"error"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Success == nil {
		return &Error{Op: "import", Status: http.StatusOK, Message: "the answer is not the import API's"}
	}
	if *answer.Success && answer.SuccessCount == sent && len(answer.Errors) == 0 {
		return nil
	}
	e := &ImportError{Imported: answer.SuccessCount}
	for _, f := range answer.Errors {
		e.Failures = append(e.Failures, Failure{
			Type: f.Type, ID: f.ID, Kind: f.Error.Type,
			Missing: f.Error.References, Message: showable(f.Error.Message, ""),
		})
	}
	return e
}
