package ecs

import (
	"strings"
	"unicode"
)

// meaning is what can be told from the words of an event type.
type meaning struct {
	category category
	action   action
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
// role or a permission before all: "Add Role to User" is about the role.
var nouns = map[string]category{
	"user": iamUser, "users": iamUser, "token": iamUser, "tokens": iamUser, "password": iamUser,
	"invite": iamUser, "invites": iamUser, "invitation": iamUser, "profile": iamUser, "account": iamUser,
	"scim": iamUser,
	"role": iamGroup, "roles": iamGroup, "permission": iamGroup, "permissions": iamGroup,
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

// readEventType tells what an event type means, written in any of the usual
// ways: "Add Service", "add_service", "AddService", "service.create".
func readEventType(eventType string) meaning {
	var m meaning
	session := unknownAction
	previous := ""
	for _, w := range words(eventType) {
		switch previous {
		case "log", "logged":
			w = "log" + w // "log in", "logged out"
		case "sign", "signed":
			w = "sign" + w
		}
		if m.action == unknownAction {
			m.action = verb(w)
		}
		if a, ok := sessions[w]; ok && session == unknownAction {
			session = a
		}
		if c, ok := nouns[w]; ok && m.category != iamGroup {
			m.category = c
		}
		previous = w
	}
	if session != unknownAction && m.action == unknownAction && m.category != configuration {
		return meaning{authentication, session}
	}
	return m
}

// verb is the action of a word, also in the past tense ("added", "created").
func verb(w string) action {
	for _, ending := range []string{"", "d", "ed"} {
		if stem, ok := strings.CutSuffix(w, ending); ok && verbs[stem] != unknownAction {
			return verbs[stem]
		}
	}
	return unknownAction
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
