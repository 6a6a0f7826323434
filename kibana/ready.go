package kibana

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// ready waits until Kibana has started, and makes sure that the space is there:
// Kibana imports into one that is not, and says that all is well.
func (c *Client) ready(ctx context.Context) error {
	if err := c.started(ctx); err != nil || c.space == "default" {
		return err
	}
	_, err := c.call(ctx, request{op: "look for the space", method: http.MethodGet, path: "/api/spaces/space/" + c.space, global: true})
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		refused.Message = fmt.Sprintf("there is no space %q: create it in Kibana under Stack Management > Spaces, or set kibana.space to the identifier of one", c.space)
	}
	return err
}

// started waits for a Kibana that is starting. It knows its address by the answer.
func (c *Client) started(ctx context.Context) error {
	deadline := time.Now().Add(c.starting)
	for {
		body, err := c.call(ctx, request{op: "ask for its status", method: http.MethodGet, path: "/api/status", global: true})
		var refused *Error
		switch {
		case err == nil:
			return isKibana(body)
		case !errors.As(err, &refused):
			return err
		case refused.Status == http.StatusNotFound:
			refused.Message = "nothing is there: if Kibana has a server.basePath, kibana.url has to end in it"
			return err
		case refused.Status != http.StatusServiceUnavailable || time.Now().After(deadline):
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(c.pause):
		}
	}
}

// isKibana reads the answer of its status. Who is not signed in gets less of it.
func isKibana(body []byte) error {
	var answer struct {
		Status *struct{} `json:"status"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Status == nil {
		return &Error{Op: "ask for its status", Status: http.StatusOK, Message: "the answer is not Kibana's: does kibana.url lead to it?"}
	}
	return nil
}
