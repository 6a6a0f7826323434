package estest

import (
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(Wrap(m)) }

func TestSharedIsOneNodeThatAnswers(t *testing.T) {
	node := Shared(t)
	if again := Shared(t); again != node {
		t.Fatal("a second call gave another node")
	}
	status, answer, err := node.Do(t.Context(), http.MethodGet, "/", nil)
	if err != nil || status != http.StatusOK || !strings.Contains(string(answer), `"tagline":"You Know, for Search"`) {
		t.Fatalf("GET /: status %d, error %v, answer %s", status, err, answer)
	}
}

func TestNamespacesAreDistinctAndFitADataStreamName(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		name := Namespace(t)
		if seen[name] {
			t.Fatalf("namespace %s came twice", name)
		}
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			t.Fatalf("namespace %q has other characters than lower-case letters and digits", name)
		}
		seen[name] = true
	}
}
