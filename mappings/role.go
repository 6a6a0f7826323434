package mappings

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/auditship/auditship/exporter"
)

// roleBody is the part of a role file that grants something.
type roleBody struct {
	Cluster []string                   `json:"cluster"`
	Indices []exporter.IndexPrivileges `json:"indices"`
}

func readRole(name string) (roleBody, error) {
	data, err := files.ReadFile(path.Join("assets/role", name+".json"))
	if err != nil {
		return roleBody{}, fmt.Errorf("embedded role: %w", err)
	}
	var r roleBody
	if err := json.Unmarshal(data, &r); err != nil {
		return roleBody{}, fmt.Errorf("embedded role %s: %w", name, err)
	}
	return r, nil
}

// AgentPrivileges are what the agent needs on the data stream of a namespace:
// those of the shipped role, for exporter.Client.CheckPrivileges.
func AgentPrivileges(namespace string) (exporter.Privileges, error) {
	r, err := readRole(AgentRole)
	if err != nil {
		return exporter.Privileges{}, err
	}
	need := exporter.Privileges{Cluster: r.Cluster}
	for _, group := range r.Indices {
		need.Indices = append(need.Indices, exporter.IndexPrivileges{
			Names: []string{StreamName(namespace)}, Privileges: group.Privileges,
		})
	}
	return need, nil
}

// AgentRoleRequest is the request that installs the agent's role, as it is shipped,
// in the form that Kibana's console takes.
func AgentRoleRequest() (string, error) {
	data, err := files.ReadFile(path.Join("assets/role", AgentRole+".json"))
	if err != nil {
		return "", fmt.Errorf("embedded role: %w", err)
	}
	return "PUT /_security/role/" + AgentRole + "\n" + string(data), nil
}

// agentKeyRequest is the body of POST /_security/api_key for a key with exactly
// the rights of the agent's role.
func agentKeyRequest(name string) (map[string]any, error) {
	role, err := readRole(AgentRole)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"name":             name,
		"role_descriptors": map[string]any{AgentRole: map[string]any{"cluster": role.Cluster, "indices": role.Indices}},
		"metadata":         map[string]any{"managed_by": managedBy},
	}, nil
}

// Key is a new API key.
type Key struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Encoded string `json:"encoded"` // what the configuration takes; a secret
}

// CreateAgentKey makes an API key with exactly the rights of the agent's role.
// A key never has more rights than the user who made it, so it is refused if
// the signed-in user lacks one of them, by name. The user has to be signed in
// with a password: an API key cannot make keys that have rights. It expires after
// the given time, to the second; never with 0.
func CreateAgentKey(ctx context.Context, client *exporter.Client, name string, expires time.Duration) (Key, error) {
	role, err := readRole(AgentRole)
	if err != nil {
		return Key{}, err
	}
	missing, err := client.CheckPrivileges(ctx, exporter.Privileges(role))
	if err != nil {
		return Key{}, err
	}
	if len(missing) > 0 {
		names := make([]string, len(missing))
		for i, m := range missing {
			names[i] = m.String()
		}
		return Key{}, fmt.Errorf("create API key %s: the signed-in user lacks %s, and so would the key", name, strings.Join(names, ", "))
	}
	body, err := agentKeyRequest(name)
	if err != nil {
		return Key{}, err
	}
	if expires > 0 {
		body["expiration"] = fmt.Sprintf("%ds", int64(expires/time.Second))
	}
	var key Key
	if err := client.JSON(ctx, http.MethodPost, "/_security/api_key", body, &key); err != nil {
		return Key{}, fmt.Errorf("create API key %s: %w", name, err)
	}
	return key, nil
}

// InvalidateKey takes a key back that was made and could not be kept.
func InvalidateKey(ctx context.Context, client *exporter.Client, key Key) error {
	body := map[string]any{"ids": []string{key.ID}, "owner": true}
	if err := client.JSON(ctx, http.MethodDelete, "/_security/api_key", body, nil); err != nil {
		return fmt.Errorf("invalidate API key %s: %w", key.Name, err)
	}
	return nil
}
