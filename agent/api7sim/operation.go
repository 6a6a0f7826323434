package api7sim

import "strings"

// Operation is one operation of the gateway's API.
type Operation struct {
	Method, Path string
	Resource     string // what it is about, such as "service"; "" for none
	Event        EventType
}

// Operations lists the operations of the specification, in its order.
func Operations() []Operation {
	var all []Operation
	for _, line := range strings.Split(strings.TrimSpace(operationsTSV), "\n")[1:] {
		method, path, _ := strings.Cut(line, "\t")
		all = append(all, operation(method, strings.TrimSpace(path)))
	}
	return all
}

// special are the operations whose last path element is no resource.
var special = map[string]struct{ resource, name string }{
	"POST /api/login":                                {"login", "Login"},
	"POST /api/logout":                               {"", "Logout"},
	"POST /api/ldap/{login_option_id}/login":         {"login", "Login"},
	"POST /api/ldap/{login_option_id}/logout":        {"", "Logout"},
	"GET /api/oidc/login":                            {"", "Login"},
	"GET /api/oidc/callback":                         {"", "Login"},
	"GET /api/oidc/{login_option_id}/login":          {"", "Login"},
	"POST /api/oidc/logout":                          {"", "Logout"},
	"POST /api/oidc/{login_option_id}/logout":        {"", "Logout"},
	"PUT /api/password":                              {"password", "Change Password"},
	"PUT /api/users/{user_id}/password_reset":        {"password", "Reset Password"},
	"PUT /api/users/{user_id}/assigned_roles":        {"user", "Assign Roles"},
	"PUT /api/settings/tokens/{token_id}/regenerate": {"token", "Regenerate Token"},
	"POST /api/services/publish":                     {"service", "Publish Service"},
	"POST /api/import/services":                      {"service", "Import Services"},
	"POST /api/export/services":                      {"service", "Export Services"},
	"POST /api/services/conflict_check":              {"service", "Check Service Conflicts"},
	"PATCH /api/gateway_groups/{gateway_group_id}/services/{service_id}/runtime_configuration": {"service", "Update Runtime Configuration"},
	"POST /api/gateway_groups/{gateway_group_id}/dp_client_certificates":                       {"dp_client_certificates", "Add Data Plane Certificate"},
	"POST /api/gateway_groups/{gateway_group_id}/instance_token":                               {"instance_token", "Add Instance Token"},
}

func operation(method, path string) Operation {
	if s, ok := special[method+" "+path]; ok {
		return Operation{method, path, s.resource, eventType(s.name)}
	}
	resource := ""
	for _, part := range strings.Split(path, "/") {
		if part != "" && part != "api" && part != "admin" && part != "apisix" && part != "settings" && part[0] != '{' {
			resource = part
		}
	}
	resource = singular(resource)
	verb := map[string]string{"GET": "View", "POST": "Add", "PUT": "Update", "PATCH": "Update", "DELETE": "Delete"}[method]
	return Operation{method, path, resource, eventType(verb + " " + title(resource))}
}

// singular is enough English for the specification's plurals.
func singular(s string) string {
	switch {
	case strings.HasSuffix(s, "ies"):
		return strings.TrimSuffix(s, "ies") + "y"
	case s == "ssls":
		return "ssl"
	case strings.HasSuffix(s, "ss"), strings.HasSuffix(s, "us"), !strings.HasSuffix(s, "s"):
		return s
	}
	return strings.TrimSuffix(s, "s")
}

func title(s string) string {
	words := strings.Split(s, "_")
	for i, w := range words {
		if w == "ssl" {
			words[i] = "SSL"
		} else if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}

func eventType(name string) EventType {
	return EventType{Key: strings.ReplaceAll(name, " ", ""), Name: name}
}
