package shape

import (
	"bytes"

	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/rule"
)

// secretCalls are the ends of the names of functions that are given secrets: of
// Redis (red:auth), of ciphers and signatures (hmac:new, ngx.hmac_sha1).
var secretCalls = []string{
	"auth", "authenticate", "login", "hmac:new", "hmac.new", "hmac_sha1", "hmac_sha256", "hmac_sha512", "hmac_md5", "hmac:hmac", "hmac.hmac",
	"hmac:final", "hmac.digest", "createhmac", "createcipheriv", "createdecipheriv", "aes:new", "aes.new", "aes:encrypt", "jwt:sign", "jwt.sign",
	"jwt:verify", "jwt.verify", "jwt.encode", "jwt.decode", "jwt:load_jwt", "cipher:new", "cipher.new", "hmac", "sha256_hmac",
}

// Calls reads code: what stands in quotes in a call of a function that is given a
// secret is one, unless it names a state or an algorithm.
func Calls(text []byte, r *Reader) {
	by := r.Ask([]byte("secret")).Named
	if by == rule.None {
		return
	}
	for from := 0; ; {
		at := bytes.IndexByte(text[from:], '(')
		if at < 0 {
			return
		}
		open := from + at
		from = open + 1
		if !isSecretCall(callee(text, open)) {
			continue
		}
		from = r.arguments(text, open+1, by)
	}
}

// callee is the name of the function whose parenthesis stands at open.
func callee(text []byte, open int) []byte {
	end := open
	for end > 0 && text[end-1] == ' ' && open-end < 2 {
		end--
	}
	start := end
	for start > 0 && end-start < MaxName && calleeChars[text[start-1]] {
		start--
	}
	return text[start:end]
}

var calleeChars = chars.Alnum("_.:")

func isSecretCall(name []byte) bool {
	lower := bytes.ToLower(name)
	for _, call := range secretCalls {
		if rest, found := bytes.CutSuffix(lower, []byte(call)); found && (len(rest) == 0 || bytes.IndexByte([]byte("_.:"), rest[len(rest)-1]) >= 0) {
			return true
		}
	}
	return false
}

// maxArguments is how far the arguments of a call are read, in bytes.
const maxArguments = 1024

// arguments takes the texts among the arguments of a call and says where they end.
func (r *Reader) arguments(text []byte, i int, by rule.ID) int {
	last := min(len(text), i+maxArguments)
	for i < last && text[i] != ')' && text[i] != '\n' {
		if !isQuote(text[i]) {
			i++
			continue
		}
		end := closingQuote(text[:last], i, 0)
		if v := text[i+1 : end]; len(v) > 3 && !isAlgorithm(v) {
			r.value(text, span(i+1, end), by)
		}
		i = end + 1
	}
	return min(i, len(text))
}

// isAlgorithm says whether a text names an algorithm or an encoding.
func isAlgorithm(v []byte) bool {
	lower := bytes.ToLower(v)
	for _, start := range []string{"sha", "md5", "aes-", "aes_", "hs2", "hs3", "hs5", "rs2", "rs5", "es2", "hmac", "base64", "utf", "hex", "cbc", "gcm", "binary"} {
		if bytes.HasPrefix(lower, []byte(start)) && len(v) <= 16 {
			return true
		}
	}
	return false
}
