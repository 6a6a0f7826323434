package kibana

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
)

//go:embed api7-audit.ndjson
var bundle []byte

//go:embed fingerprints.json
var fingerprints []byte

//go:embed looks.json
var looks []byte

//go:embed roles/*.json
var roles embed.FS

// Bundle returns the file that Stack Management > Saved Objects > Import takes:
// one saved object a line.
func Bundle() []byte { return bytes.Clone(bundle) }

// Object is a Kibana saved object in the form of the import and export APIs.
type Object struct {
	Type                 string          `json:"type"`
	ID                   string          `json:"id"`
	CoreMigrationVersion string          `json:"coreMigrationVersion,omitempty"`
	TypeMigrationVersion string          `json:"typeMigrationVersion,omitempty"`
	Managed              bool            `json:"managed"`
	Attributes           json.RawMessage `json:"attributes"`
	References           []Reference     `json:"references"`
	// OriginID is the id in the bundle of an object that Kibana had to give
	// another id, because the one in the bundle was taken in another space.
	OriginID string `json:"originId,omitempty"`
}

// Reference is a link from one saved object to another. Kibana rewrites the id
// here, and only here, when an object gets another id on import.
type Reference struct {
	Name string `json:"name,omitempty"`
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Objects returns the objects of the bundle in its order.
func Objects() ([]Object, error) {
	objects, err := parseObjects(bundle)
	if err != nil {
		return nil, fmt.Errorf("read the embedded bundle: %w", err)
	}
	return objects, nil
}

// parseObjects reads saved objects, one a line. Lines that are no object, such
// as the summary at the end of an export, are left out.
func parseObjects(ndjson []byte) ([]Object, error) {
	var objects []Object
	number := 0
	for line := range bytes.Lines(ndjson) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var o Object
		if err := json.Unmarshal(line, &o); err != nil {
			return nil, fmt.Errorf("line %d is not a saved object", number)
		}
		if o.Type != "" && o.ID != "" {
			objects = append(objects, o)
		}
	}
	return objects, nil
}

// pack is the reverse of parseObjects.
func pack(objects []Object) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, o := range objects {
		if err := enc.Encode(o); err != nil {
			return nil, fmt.Errorf("pack %s %s: %w", o.Type, o.ID, err)
		}
	}
	return out.Bytes(), nil
}
