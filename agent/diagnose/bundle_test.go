package diagnose

import (
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/mask"
)

// What would be a secret in a record is one in the log too.
func TestTheLogIsMasked(t *testing.T) {
	rules, err := mask.Load(nil, mask.Options{})
	if err != nil {
		t.Fatal(err)
	}
	log := "{\"level\":\"warn\",\"message\":\"password=c4nary-s3cret\"}\nAuthorization: Bearer c4nary-t0ken-1234567890\nall is well\n"
	got := string(masked(rules, []byte(log)))
	if strings.Contains(got, "c4nary") || !strings.HasSuffix(got, "all is well\n") || strings.Count(got, "\n") != 3 {
		t.Errorf("%q", got)
	}
}
