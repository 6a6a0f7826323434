package cli

import "maps"

// ownExports are the names that auditship export --details gives to what the gateway
// recorded: as fields of the document in JSON, and as titles of columns in CSV. By them
// an import brings a record back under the _id that it had, as long as the record has
// an id and the gateway's name is the same. None of them is a name of the gateway.
var ownExports = map[string]string{
	"@timestamp":                 "event_time",
	"event.id":                   "id",
	"event.action":               "event_type",
	"user.id":                    "operator.id",
	"user.name":                  "operator.username",
	"user.email":                 "operator.email",
	"api7.audit.source":          "source",
	"api7.audit.token_name":      "token_name",
	"api7.audit.resource.id":     "resource_id",
	"api7.audit.resource.name":   "resource_name",
	"api7.audit.resource.type":   "resource_type",
	"api7.audit.request.headers": "http_request.headers",
	"api7.audit.request.body":    "http_request.body",
	"api7.audit.response.body":   "http_response.body",
	"source.address":             "ip_address",
	"error.message":              "error_message",
	"http.request.method":        "http_request.method",
	"url.original":               "http_request.uri",
	"user_agent.original":        "http_request.user_agent",
	"http.response.status_code":  "http_response.status_code",

	"Event ID":        "id",
	"Event Type":      "event_type",
	"Operator ID":     "operator.id",
	"Email":           "operator.email",
	"Token Name":      "token_name",
	"Resource Type":   "resource_type",
	"Method":          "http_request.method",
	"URL":             "http_request.uri",
	"Status Code":     "http_response.status_code",
	"Error Message":   "error_message",
	"User Agent":      "http_request.user_agent",
	"Request Headers": "http_request.headers",
	"Request Body":    "http_request.body",
	"Response Body":   "http_response.body",
}

// withOwnExports adds those names to a configured rename, which wins.
func withOwnExports(rename map[string]string) map[string]string {
	all := maps.Clone(ownExports)
	maps.Copy(all, rename)
	return all
}
