package mappings

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/auditship/auditship/exporter"
)

// Print writes all requests of an installation in the form of Kibana's Dev
// Tools, for those who apply them by hand: a comment, the method with the path,
// the body. The last one makes a key of that name for the agent; its answer
// holds the key.
func Print(w io.Writer, opts Options, server exporter.Info, keyName string) error {
	assets, err := Assets(opts, server)
	if err != nil {
		return err
	}
	for _, a := range assets {
		if err := printRequest(w, a.String(), "PUT "+a.Path, a.Body); err != nil {
			return err
		}
	}
	key, err := agentKeyRequest(keyName)
	if err != nil {
		return err
	}
	return printRequest(w, "API key for the agent: \"encoded\" in the answer is what its configuration takes", "POST /_security/api_key", key)
}

func printRequest(w io.Writer, comment, line string, body any) error {
	if _, err := fmt.Fprintf(w, "# %s\n%s\n", comment, line); err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(body); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}
