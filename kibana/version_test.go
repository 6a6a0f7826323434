package kibana

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/auditship/auditship/exporter/install"
)

type State = install.State

// The states, by their short names.
const (
	Current  = install.Current
	Missing  = install.Missing
	Outdated = install.Outdated
	Changed  = install.Changed
)

// Version is the simplest call there is, for tests of what all calls share.
func (c *Client) Version(ctx context.Context) (string, error) {
	body, err := c.call(ctx, request{op: "read the version", method: http.MethodGet, path: "/api/status"})
	if err != nil {
		return "", err
	}
	var status struct{ Version struct{ Number string } }
	if err := json.Unmarshal(body, &status); err != nil || status.Version.Number == "" {
		return "", &Error{Op: "read the version", Status: http.StatusOK, Message: "no version"}
	}
	return status.Version.Number, nil
}
