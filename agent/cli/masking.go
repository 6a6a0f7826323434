package cli

import (
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/mask"
)

// loadRules compiles the configured masking rules with the built-in ones, and
// runs the tests that their files hold. Mistakes come as mask.Errors.
func loadRules(m config.Masking) (*mask.Rules, error) {
	return mask.Load(m.Rules, mask.Options{NoDefaults: m.Defaults == "off"})
}
