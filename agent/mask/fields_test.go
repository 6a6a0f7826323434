package mask

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMasksField(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rules.yml")
	text := `masking:
  version: 1
  rules:
    - {id: who, select: {path: operator.username}, action: redact}
    - {id: sometimes, when: {event_type: [Login]}, select: {path: id}, action: redact}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Load([]string{path}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]bool{
		"operator.username": true, "id": true, "operator.email": false, "event_type": false, "http_request.body.password": true,
	} {
		if got := r.MasksField(field); got != want {
			t.Errorf("%s: %v", field, got)
		}
	}
}
