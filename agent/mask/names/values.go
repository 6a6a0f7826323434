package names

import (
	"bytes"

	"github.com/auditship/auditship/agent/mask/chars"
)

// IsState says whether a value says how something is rather than what it is:
// authorization: enabled, auth: basic, password: required. No rule that selects by
// a name takes it for a secret.
func IsState(value []byte) bool {
	if len(value) > 16 {
		return false
	}
	return states[string(bytes.ToLower(value))]
}

var states = func() map[string]bool {
	found := map[string]bool{}
	for _, word := range []string{
		"", "true", "false", "null", "nil", "yes", "no", "on", "off", "enabled", "disabled", "enable", "disable",
		"required", "optional", "none", "any", "all", "basic", "bearer", "digest", "negotiate", "ntlm", "oauth", "oauth2",
		"oidc", "jwt", "ldap", "saml", "mtls", "tls", "hmac", "key-auth", "basic-auth", "jwt-auth", "hmac-auth", "ldap-auth",
		"client-cert", "anonymous", "inherit", "default", "string", "integer", "number", "boolean", "object", "array",
	} {
		found[word] = true
	}
	return found
}()

// IsWord says whether a value is words of a language, or the name of a variable,
// as those of ordinary headers are: prod, gateway-eu, $remote_addr, no-store.
// What may be made by a machine is none.
func IsWord(value []byte) bool {
	const longest = 40
	letters, digits := 0, 0
	for i, c := range value {
		switch {
		case 'a' <= c && c <= 'z' || chars.IsUpper(c) && (i == 0 || !chars.IsAlnum(value[i-1])):
			if letters++; letters > 16 {
				return false // no word is that long
			}
		case chars.IsDigit(c):
			digits++
		case bytes.IndexByte([]byte("-_./:;,=*$(){}"), c) >= 0, c == ' ' && i > 0 && (value[i-1] == ',' || value[i-1] == ';'):
			letters = 0
		default:
			return false
		}
	}
	return len(value) <= longest && digits <= 4
}
