package ecs

import (
	"bytes"
	"net/url"
)

// operation is what can be told from a request's path.
type operation struct {
	kind     string // the resource's type, "" where the path names none
	category category
	action   action // where the path says it better than the method
	group    []byte // the gateway group in the path; aliases it
}

// collection is a path segment that names resources.
type collection struct {
	kind     string
	category category
	action   action // of every request to it; unknownAction: the method's
	last     bool   // what follows belongs to it, whatever it is called
}

// collections are the segments of the published admin API and of APISIX's.
var collections = map[string]collection{
	"services":              {kind: "service", category: configuration},
	"service_versions":      {kind: "service_version", category: configuration},
	"service_registries":    {kind: "service_registry", category: configuration, last: true},
	"routes":                {kind: "route", category: configuration},
	"stream_routes":         {kind: "stream_route", category: configuration},
	"upstreams":             {kind: "upstream", category: configuration},
	"ssls":                  {kind: "ssl", category: configuration},
	"certificates":          {kind: "certificate", category: configuration},
	"ca_certificates":       {kind: "ca_certificate", category: configuration},
	"consumers":             {kind: "consumer", category: configuration},
	"consumer_groups":       {kind: "consumer_group", category: configuration},
	"credentials":           {kind: "credential", category: configuration},
	"global_rules":          {kind: "global_rule", category: configuration},
	"plugins":               {kind: "plugin", category: configuration},
	"custom_plugins":        {kind: "custom_plugin", category: configuration},
	"plugin_configs":        {kind: "plugin_config", category: configuration},
	"plugin_metadata":       {kind: "plugin_metadata", category: configuration},
	"protos":                {kind: "proto", category: configuration},
	"secrets":               {kind: "secret", category: configuration, last: true},
	"variables":             {kind: "variable", category: configuration},
	"secret_providers":      {kind: "secret_provider", category: configuration, last: true},
	"snis":                  {kind: "sni", category: configuration},
	"labels":                {kind: "label", category: configuration, last: true},
	"gateway_groups":        {kind: "gateway_group", category: configuration},
	"instances":             {kind: "gateway_instance", category: configuration},
	"dataplane":             {kind: "gateway_instance", category: configuration, action: info, last: true},
	"control_plane":         {kind: "control_plane", category: configuration, action: access, last: true},
	"policies":              {kind: "alert_policy", category: configuration},
	"webhook_templates":     {kind: "webhook_template", category: configuration},
	"audit_logs":            {kind: "audit_log", category: configuration, last: true},
	"license":               {kind: "license", category: configuration},
	"login_options":         {kind: "login_option", category: configuration},
	"system_settings":       {kind: "system_setting", category: configuration},
	"openapi":               {kind: "openapi", category: configuration, action: access, last: true},
	"tokens":                {kind: "token", category: iamAdmin},
	"users":                 {kind: "user", category: iamUser},
	"me":                    {kind: "user", category: iamUser},
	"password":              {kind: "user", category: iamUser, action: change},
	"invites":               {kind: "invite", category: iamUser},
	"roles":                 {kind: "role", category: iamGroup},
	"permissions":           {kind: "permission", category: iamAdmin},
	"permission_policies":   {kind: "permission_policy", category: iamAdmin},
	"permission_boundary":   {kind: "permission_policy", category: iamAdmin},
	"permission_boundaries": {kind: "permission_policy", category: iamAdmin},
}

// pathWord is a segment that is no id, and what it says.
type pathWord struct {
	action   action   // unknownAction: the method's
	category category // unknownCategory: that of what it stands behind
	kind     string   // of the resource, "" for that of what it stands behind
}

var pathWords = map[string]pathWord{
	"publish":                    {action: change},
	"regenerate":                 {action: change},
	"password_reset":             {action: change},
	"assigned_roles":             {action: change},
	"attach_permission_policies": {action: change, category: iamAdmin},
	"detach_permission_policies": {action: change, category: iamAdmin},
	"attach":                     {action: change},
	"detach":                     {action: change},
	"connect":                    {action: change},
	"disconnect":                 {action: change},
	"triggers":                   {action: change},
	"admin_key":                  {action: change},
	"conflict_check":             {action: access},
	"check_name":                 {action: access},
	"export":                     {action: access},
	"import":                     {action: creation},
	"convert":                    {action: access},
	"refer":                      {action: access},
	"count":                      {action: access},
	"list":                       {action: access},
	"histories":                  {action: access},
	"cores":                      {action: access},
	"cores_usages":               {action: access},
	"event_types":                {action: access},
	"template":                   {},
	"scim":                       {category: iamAdmin, kind: "scim"},
}

// sessionWords end the path of what opens or closes a session.
var sessionWords = map[string]action{
	"login":    start,
	"callback": start,
	"acs":      start,
	"logout":   finish,
}

// splitURI splits a request's URI, which may be absolute, into path and query.
func splitURI(uri []byte) (path, query []byte) {
	if i := bytes.IndexByte(uri, '#'); i >= 0 {
		uri = uri[:i]
	}
	path, query, _ = bytes.Cut(uri, []byte{'?'})
	if i := bytes.Index(path, []byte("://")); i > 0 && bytes.IndexByte(path[:i], '/') < 0 {
		host := path[i+len("://"):]
		slash := bytes.IndexByte(host, '/')
		if slash < 0 {
			return []byte{'/'}, query
		}
		path = host[slash:]
	}
	return path, query
}

// parsePath goes through the segments of a path; the last collection in it is
// what the request is about.
func parsePath(path []byte) operation {
	var op operation
	afterCollection := false
	for len(path) > 0 {
		var segment []byte
		segment, path, _ = bytes.Cut(path, []byte{'/'})
		if len(segment) == 0 {
			continue
		}
		word, isWord := pathWords[string(segment)]
		if isWord {
			op.take(word)
		}
		if op.kind == "scim" && string(segment) == "token" {
			op.kind = "scim_token"
			continue
		}
		if afterCollection && !isWord { // an id
			if op.kind == "gateway_group" && op.group == nil {
				op.group = segment
			}
			afterCollection = false
			continue
		}
		afterCollection = false
		if c, ok := collections[string(segment)]; ok {
			op.kind, op.category = c.kind, c.category
			if c.action != unknownAction {
				op.action = c.action
			}
			if c.last {
				return op
			}
			afterCollection = true
		} else if a, ok := sessionWords[string(segment)]; ok && op.kind == "" {
			op.category, op.action = authentication, a
		}
	}
	return op
}

// take notes what a word of the path says.
func (op *operation) take(w pathWord) {
	op.action = w.action
	if w.category != unknownCategory {
		op.category = w.category
	}
	if w.kind != "" {
		op.kind = w.kind
	}
}

// gatewayGroupParameter is how requests name the gateway group they are for.
var gatewayGroupParameter = []byte("gateway_group_id=")

// queryGroup is the gateway group that a query names, nil where it names none.
func queryGroup(query []byte) []byte {
	for len(query) > 0 {
		var parameter []byte
		parameter, query, _ = bytes.Cut(query, []byte{'&'})
		value, ok := bytes.CutPrefix(parameter, gatewayGroupParameter)
		if !ok {
			continue
		}
		if bytes.IndexByte(value, '%') < 0 && bytes.IndexByte(value, '+') < 0 {
			return value
		}
		if decoded, err := url.QueryUnescape(string(value)); err == nil {
			return []byte(decoded)
		}
		return value
	}
	return nil
}
