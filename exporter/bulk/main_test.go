package bulk

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/auditship/auditship/exporter/esnode/estest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(estest.Wrap(m)) }
