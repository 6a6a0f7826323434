package ecs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkDocument fails unless Elasticsearch can take the document, judged by
// means of its own: encoding/json and the list of what is refused.
func checkDocument(t failer, doc []byte) {
	t.Helper()
	if err := documentFault(doc); err != nil {
		t.Fatalf("%v\n%q", err, doc)
	}
}

func documentFault(doc []byte) error {
	switch {
	case !json.Valid(doc):
		return fmt.Errorf("not JSON")
	case !utf8.Valid(doc):
		return fmt.Errorf("not UTF-8")
	case bytes.ContainsAny(doc, "\n\r"):
		return fmt.Errorf("more than one line")
	case doc[0] != '{':
		return fmt.Errorf("not an object")
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	w := walker{decoder: d}
	return w.value("", 0)
}

// walker goes through a document.
type walker struct {
	decoder   *json.Decoder
	flattened string // the field of this type the walk is in
	objects   int    // open inside of it
	path      string // inside of it
}

// flattenedFields are those of type flattened.
var flattenedFields = map[string]bool{
	".api7.audit.request.body": true, ".api7.audit.request.headers": true,
	".api7.audit.response.body": true, ".api7.audit.extra": true,
}

func (w *walker) value(name string, level int) error {
	token, err := w.decoder.Token()
	if err != nil {
		return err
	}
	if level > 200 {
		return fmt.Errorf("%s: too many levels", name)
	}
	switch token {
	case json.Delim('{'):
		return w.object(name, level)
	case json.Delim('['):
		for w.decoder.More() {
			if err := w.value(name, level+1); err != nil {
				return err
			}
		}
		_, err := w.decoder.Token()
		return err
	}
	if w.flattened != "" && w.objects == 0 {
		return fmt.Errorf("%s: a scalar", w.flattened)
	}
	text := fmt.Sprint(token)
	if n, ok := token.(json.Number); ok && len(n) > 1000 {
		return fmt.Errorf("%s: a number of %d digits", name, len(n))
	}
	if len(text) <= 8191 && len(w.path)+1+len(text) > 32766 {
		return fmt.Errorf("%s: path and value too long", name)
	}
	return nil
}

func (w *walker) object(name string, level int) error {
	before := *w
	if flattenedFields[name] && w.flattened == "" {
		w.flattened = name
	}
	if w.flattened != "" {
		if w.objects++; w.objects > 20 {
			return fmt.Errorf("%s: too deep", name)
		}
	}
	seen := map[string]bool{}
	path := w.path
	for w.decoder.More() {
		token, err := w.decoder.Token()
		if err != nil {
			return err
		}
		key := token.(string)
		if fault := keyFault(key); fault != "" || seen[key] {
			return fmt.Errorf("%s: key %q: %s (seen: %v)", name, key, fault, seen[key])
		}
		seen[key] = true
		if w.flattened != "" {
			w.path = path + "." + key
		}
		if err := w.value(name+"."+key, level+1); err != nil {
			return err
		}
	}
	if _, err := w.decoder.Token(); err != nil && err != io.EOF {
		return err
	}
	w.flattened, w.objects, w.path = before.flattened, before.objects, before.path
	return nil
}

func keyFault(key string) string {
	if strings.ContainsRune(key, 0) {
		return "NUL"
	}
	for _, p := range strings.Split(key, ".") {
		if strings.TrimFunc(p, func(r rune) bool { return unicode.IsSpace(r) || r < ' ' }) == "" {
			return "blank part"
		}
	}
	return ""
}
