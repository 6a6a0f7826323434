package contain_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/contain"
)

const canary = "hunter2hunter2"

func TestContain(t *testing.T) {
	for name, tt := range map[string]struct {
		run  func() error
		want string
	}{
		"a text":           {func() error { panic("with " + canary) }, "input files failed: panic with a string\n"},
		"an error":         {func() error { panic(errors.New(canary)) }, "input files failed: panic with a *errors.errorString\n"},
		"a runtime's text": {func() error { return []error{}[len(canary)] }, "input files failed: runtime error: index out of range [14] with length 0\n"},
		"an error comes":   {func() error { return context.Canceled }, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			err := contain.Run("input files", tt.run)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("got %v", err)
			}
		})
	}
}
