package names

import (
	"slices"
	"strings"
)

// Role says what a member means for its neighbours: in {"name": K, "value":
// V} the secret's name stands beside the secret.
type Role byte

// The roles. From Value on, a neighbour may name what the member holds.
const (
	NoRole  Role = iota
	Name         // its value is the name of something
	Pointer      // its value is the path of something (RFC 6901)
	Address      // its value is the address of a request
	Kind         // its value says what the object is: kty
	Value        // its value is what the name names
	Config       // its value is configuration of what the name names
)

// RoleOf gives the role of a key by its words.
func RoleOf(split []string) Role {
	switch strings.Join(split, " ") {
	case "name", "key", "k", "header", "field", "param", "parameter", "type", "kind", "plugin", "variable", "property", "attribute", "option", "setting", "var", "lhs":
		return Name
	case "path", "from":
		return Pointer
	case "uri", "url", "request uri":
		return Address
	case "kty":
		return Kind
	case "value", "val", "v", "values", "default", "example", "content", "data", "string data", "text", "plain", "old", "new", "before", "after", "current", "previous", "rhs":
		return Value
	case "config", "conf", "configuration", "args", "settings", "options", "params", "spec", "metadata", "body", "request body", "payload":
		return Config
	default:
		return roleOfTwo(split)
	}
}

// roleOfTwo knows keys of two words: header_name, ParameterKey, stringValue.
func roleOfTwo(split []string) Role {
	if len(split) != 2 {
		return NoRole
	}
	switch split[1] {
	case "value":
		return Value
	case "name", "key":
		switch split[0] {
		case "header", "field", "param", "parameter", "plugin", "variable", "var", "env", "property", "attribute", "option", "setting", "config", "secret":
			return Name
		}
	}
	return NoRole
}

// About says whether a word after a sensitive one takes its sense away: token
// name, password for.
func About(split []string) bool {
	made := slices.ContainsFunc(split, func(word string) bool { return strings.ContainsAny(word, "0123456789") })
	return !made && slices.ContainsFunc(split, isDescribing) || len(split) == 1 && isPreposition(split[0])
}

func isPreposition(word string) bool {
	switch word {
	case "for", "of", "in", "by", "from", "on", "at", "to", "with":
		return true
	}
	return false
}
