package input

import (
	"slices"
	"testing"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
)

// Every type that the configuration knows is put together here, and the other way
// round.
func TestEachTypeOfInputHasItsPlace(t *testing.T) {
	var types []string
	for name := range kinds {
		types = append(types, name)
	}
	slices.Sort(types)
	want := slices.Sorted(slices.Values(config.InputTypes()))
	if !slices.Equal(types, want) {
		t.Errorf("here are %v, the configuration knows %v", types, want)
	}
}

// No type takes another type's position for its own.
func TestAPositionBelongsToOneType(t *testing.T) {
	for name, position := range map[string]string{
		config.TypeFile: `{"path":"/a.json","offset":3,"head":"x"}`,
		config.TypeAPI:  `{"next":"2026-11-01T11:50:00Z"}`,
	} {
		for other, k := range kinds {
			if text, err := k.describe([]byte(position)); (err == nil) != (name == other) {
				t.Errorf("type %s says of a position of type %s: %q, %v", other, name, text, err)
			}
		}
	}
	if got := Describe(nil, event.Stream{Input: "x", Name: "y"}, []byte(`{"new":1}`)); got != `{"new":1}` {
		t.Errorf("a position that nobody understands reads %q", got)
	}
}
