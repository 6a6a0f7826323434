package kibana

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/auditship/auditship/exporter/peer"
	"github.com/auditship/auditship/exporter/printable"
)

// Error is an answer of Kibana that is not a success.
type Error struct {
	Op      string // what the call was for, for example "import"
	Status  int    // the HTTP status
	Message string // what to do, or what Kibana said; never a credential

	absent []Reference // the objects that an export did not find
}

func (e *Error) Error() string {
	s := fmt.Sprintf("kibana: %s: answered %d", e.Op, e.Status)
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// Is reports that a Kibana which is not there yet, or too busy, is
// peer.ErrUnreachable.
func (e *Error) Is(target error) bool {
	return target == peer.ErrUnreachable && busy(e.Status)
}

// refusal returns an *Error for an answer that is not the API's success.
func (c *Client) refusal(op string, res *http.Response, body []byte, credential string) error {
	e := &Error{Op: op, Status: res.StatusCode}
	switch page := strings.HasPrefix(res.Header.Get("Content-Type"), "text/html"); {
	case res.StatusCode == http.StatusServiceUnavailable:
		text, _ := said(body, credential)
		e.Message = cmp.Or(text, "it is starting, or not well; try again in a minute")
	case res.StatusCode/100 == 3 || page:
		e.Message = "it sent a web page or led to one instead of answering: does the address lead to Kibana itself, past any login proxy?"
	case res.StatusCode < 300:
		return nil
	case res.StatusCode == http.StatusUnauthorized:
		e.Message = "it does not accept the credentials"
	case res.StatusCode == http.StatusForbidden:
		e.Message = fmt.Sprintf("the user may not do this in the space %q", c.space)
	default:
		e.Message, e.absent = said(body, credential)
	}
	return e
}

// said returns what Kibana's own error body says, fit to be shown, and the
// objects that it did not find.
func said(body []byte, credential string) (message string, absent []Reference) {
	var answer struct {
		Message    string `json:"message"`
		Attributes struct {
			Objects []struct {
				Type  string `json:"type"`
				ID    string `json:"id"`
				Error struct {
					StatusCode int `json:"statusCode"`
				} `json:"error"`
			} `json:"objects"`
		} `json:"attributes"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return "", nil
	}
	for _, o := range answer.Attributes.Objects {
		if o.Error.StatusCode == http.StatusNotFound {
			absent = append(absent, Reference{Type: o.Type, ID: o.ID})
		}
	}
	return showable(answer.Message, credential), absent
}

// showable shortens a text of Kibana's to one line and takes the credential
// out, should it be repeated there.
func showable(text, credential string) string {
	for _, secret := range secretsIn(credential) {
		text = strings.ReplaceAll(text, secret, "***")
	}
	text = printable.Line(text)
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	return text
}

// secretsIn lists the forms in which the value of an Authorization header could
// appear in a text.
func secretsIn(credential string) []string {
	_, token, _ := strings.Cut(credential, " ")
	if token == "" {
		return nil
	}
	secrets := []string{token}
	if plain, err := base64.StdEncoding.DecodeString(token); err == nil {
		if _, secret, found := strings.Cut(string(plain), ":"); found && secret != "" {
			secrets = append(secrets, string(plain), secret)
		}
	}
	return secrets
}
