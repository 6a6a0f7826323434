package esnode

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
)

// The variables that Environ sets and that a test process reads to find a node
// started for it.
const (
	EnvURL      = "AUDITSHIP_TEST_ES_URL"
	EnvUsername = "AUDITSHIP_TEST_ES_USERNAME"
	EnvPassword = "AUDITSHIP_TEST_ES_PASSWORD"
	EnvCAFile   = "AUDITSHIP_TEST_ES_CA_FILE"
	// EnvVersion is for nodes that such a process starts itself.
	EnvVersion = "AUDITSHIP_TEST_ES_VERSION"
)

// Environ returns the variables, as "KEY=value", that let another process
// Attach to this node as its superuser.
func (n *Node) Environ() []string {
	return []string{
		EnvURL + "=" + n.URL,
		EnvUsername + "=" + n.Username,
		EnvPassword + "=" + n.Password,
		EnvCAFile + "=" + n.CAFile,
		EnvVersion + "=" + version(n.opts.Version),
	}
}

// connect makes the HTTP client. Connections are not kept: none outlives its
// request, and a restarted node is met afresh.
func (n *Node) connect() error {
	transport := &http.Transport{DisableKeepAlives: true}
	if n.CAFile != "" {
		pem, err := os.ReadFile(n.CAFile)
		if err != nil {
			return fmt.Errorf("read authority of Elasticsearch: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s holds no certificate", n.CAFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	n.client = &http.Client{Transport: transport}
	return nil
}

// Do sends a request as the superuser, to set up a test or look at its result.
// The path includes the query. A status of 400 and more is not an error; a
// body is sent as JSON, or as NDJSON when it ends with a newline.
func (n *Node) Do(ctx context.Context, method, path string, body []byte) (status int, answer []byte, err error) {
	return n.do(ctx, method, path, body, func(r *http.Request) { r.SetBasicAuth(n.Username, n.Password) })
}

// DoAs is Do with the encoded API key that CreateAPIKey returned.
func (n *Node) DoAs(ctx context.Context, apiKey, method, path string, body []byte) (status int, answer []byte, err error) {
	return n.do(ctx, method, path, body, func(r *http.Request) { r.Header.Set("Authorization", "ApiKey "+apiKey) })
}

func (n *Node) do(ctx context.Context, method, path string, body []byte, sign func(*http.Request)) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, n.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("ask Elasticsearch: %w", err)
	}
	if len(body) > 0 {
		kind := "application/json"
		if body[len(body)-1] == '\n' {
			kind = "application/x-ndjson"
		}
		request.Header.Set("Content-Type", kind)
	}
	sign(request)
	response, err := n.client.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("ask Elasticsearch: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("read answer of Elasticsearch to %s %s: %w", method, path, err)
	}
	return response.StatusCode, answer, nil
}

// CreateUser makes or replaces a user of the native realm. The password needs
// six characters.
func (n *Node) CreateUser(ctx context.Context, name, password string, roles ...string) error {
	body, err := json.Marshal(map[string]any{"password": password, "roles": roles})
	if err != nil {
		return fmt.Errorf("create user %s: %w", name, err)
	}
	_, err = n.must(ctx, http.MethodPut, "/_security/user/"+url.PathEscape(name), body)
	return err
}

// PutRole makes or replaces a role; role is the body of PUT _security/role.
func (n *Node) PutRole(ctx context.Context, name string, role []byte) error {
	_, err := n.must(ctx, http.MethodPut, "/_security/role/"+url.PathEscape(name), role)
	return err
}

// CreateAPIKey makes an API key that has the privileges of roleDescriptors, the
// object of that name in POST _security/api_key, and no others. It returns the
// key as an Authorization header carries it.
func (n *Node) CreateAPIKey(ctx context.Context, name string, roleDescriptors []byte) (encoded string, err error) {
	body, err := json.Marshal(map[string]any{"name": name, "role_descriptors": json.RawMessage(roleDescriptors)})
	if err != nil {
		return "", fmt.Errorf("create API key %s: %w", name, err)
	}
	answer, err := n.must(ctx, http.MethodPost, "/_security/api_key", body)
	if err != nil {
		return "", err
	}
	var key struct{ Encoded string }
	if err := json.Unmarshal(answer, &key); err != nil {
		return "", fmt.Errorf("create API key %s: %w", name, err)
	}
	return key.Encoded, nil
}

// must is Do for a request that has to succeed.
func (n *Node) must(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	status, answer, err := n.Do(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	if status >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("%s %s: status %d: %s", method, path, status, answer)
	}
	return answer, nil
}
