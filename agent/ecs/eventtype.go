package ecs

import (
	"strings"
	"unicode"
)

// meaning is what can be told from the words of an event type.
type meaning struct {
	category category
	action   action
	verb     string // the word that says the action, in its base form; "" for none
}

// verbs are the words of event types that say what was done.
var verbs = map[string]action{
	"add": creation, "create": creation, "new": creation, "import": creation, "invite": creation,
	"generate": creation, "register": creation, "clone": creation, "copy": creation, "upload": creation,
	"update": change, "edit": change, "modify": change, "patch": change, "change": change, "set": change,
	"put": change, "reset": change, "replace": change, "enable": change, "disable": change,
	"publish": change, "unpublish": change, "rollback": change, "rotate": change, "regenerate": change,
	"assign": change, "unassign": change, "bind": change, "unbind": change, "configure": change,
	"rename": change, "move": change, "sync": change, "offline": change, "online": change,
	"approve": change, "reject": change, "activate": change, "deactivate": change, "renew": change,
	"attach": change, "detach": change, "connect": change, "disconnect": change, "grant": change,
	"lock": change, "unlock": change, "accept": change, "switch": change, "restore": change,
	"delete": deletion, "remove": deletion, "destroy": deletion, "revoke": deletion, "drop": deletion,
	"get": access, "list": access, "view": access, "read": access, "export": access, "download": access,
	"query": access, "search": access, "check": access, "test": access,
}

// sessions are the words that make an event one of authentication, unless a
// verb says that something was done to it ("Update Login Option").
var sessions = map[string]action{
	"login": start, "logon": start, "signin": start, "authentication": start, "authenticate": start,
	"authenticated": start, "auth": start,
	"logout": finish, "logoff": finish, "signout": finish,
	"authorization": info, "authorisation": info, "authorize": info, "authorise": info,
}

// nouns are the words that say what it was done to. The last one counts, but a
// permission before all, and then a role.
var nouns = map[string]category{
	"user": iamUser, "users": iamUser, "token": iamAdmin, "tokens": iamAdmin, "password": iamUser,
	"invite": iamUser, "invites": iamUser, "invitation": iamUser, "profile": iamUser, "account": iamUser,
	"scim": iamAdmin,
	"role": iamGroup, "roles": iamGroup, "permission": iamAdmin, "permissions": iamAdmin,
	"service": configuration, "services": configuration, "route": configuration, "routes": configuration,
	"upstream": configuration, "upstreams": configuration, "ssl": configuration, "ssls": configuration,
	"sni": configuration, "certificate": configuration, "certificates": configuration,
	"consumer": configuration, "consumers": configuration, "credential": configuration,
	"credentials": configuration, "plugin": configuration, "plugins": configuration,
	"metadata": configuration, "rule": configuration, "rules": configuration, "secret": configuration,
	"secrets": configuration, "proto": configuration, "registry": configuration, "gateway": configuration,
	"instance": configuration, "alert": configuration, "webhook": configuration, "license": configuration,
	"licence": configuration, "option": configuration, "options": configuration, "setting": configuration,
	"settings": configuration, "version": configuration, "audit": configuration, "template": configuration,
}

// assigning are the verbs that give somebody a role or take it away.
var assigning = map[string]bool{
	"assign": true, "unassign": true, "grant": true, "revoke": true, "bind": true, "unbind": true, "attach": true, "detach": true,
}

// readEventType tells what an event type means, written in any of the usual
// ways: "Add Service", "add_service", "AddService", "service.create".
func readEventType(eventType string) meaning {
	var m meaning
	session := unknownAction
	named := map[category]bool{}
	role, permission, previous := false, false, ""
	for _, w := range words(eventType) {
		switch previous {
		case "log", "logged":
			w = "log" + w // "log in", "logged out"
		case "sign", "signed":
			w = "sign" + w
		}
		if m.action == unknownAction {
			m.verb, m.action = verb(w)
		}
		if a, ok := sessions[w]; ok && session == unknownAction {
			session = a
		}
		if c, ok := nouns[w]; ok {
			m.category, named[c] = c, true
			role, permission = role || c == iamGroup, permission || strings.HasPrefix(w, "permission")
		}
		previous = w
	}
	switch {
	case session != unknownAction && m.action == unknownAction && m.category != configuration:
		return meaning{category: authentication, action: session}
	case permission:
		m.category = iamAdmin
	case role && (named[iamUser] || assigning[m.verb]): // it is somebody's role that changes
		m.category, m.action = iamUser, change
	case role:
		m.category = iamGroup
	}
	if m.action == deletion && m.verb == "revoke" && permission {
		m.action = change
	}
	return m
}

// verb is the base form and the action of a word, also in the past tense ("added",
// "created").
func verb(w string) (string, action) {
	for _, ending := range []string{"", "d", "ed"} {
		if stem, ok := strings.CutSuffix(w, ending); ok && verbs[stem] != unknownAction {
			return stem, verbs[stem]
		}
	}
	return "", unknownAction
}

// words splits at everything but letters and digits, and before upper-case
// letters that follow lower-case ones, and lowers what is left.
func words(s string) []string {
	var b strings.Builder
	lower := false
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			r = ' '
		}
		if lower && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		lower = unicode.IsLower(r)
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.Fields(b.String())
}
