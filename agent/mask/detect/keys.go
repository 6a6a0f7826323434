package detect

import (
	"bytes"
	"encoding/base64"

	"github.com/auditship/auditship/agent/mask/chars"
)

// derStarts are the starts of private keys and key stores in base64: a sequence in
// DER, of any length that keys have (ITU-T X.690).
var derStarts = []string{
	"MII", "MIG", "MIH", "MGA", "MGg", "MGw", "MHQ", "MHU", "MHc", "MFM", "MFE", "MF8", "ME4", "MEc", "MEE", "MDE", "MC4", "MC8",
	"b3BlbnNzaC1rZXktdjE",
}

// minDER is how many characters a private key has at least.
const minDER = 56

// findDER finds private keys in base64 without their armour: PKCS #1, PKCS #8, SEC 1,
// PKCS #12 and OpenSSH's own. Certificates and public keys are none.
func findDER(dst []Span, text []byte, torn bool) []Span {
	for i := 0; i+3 <= len(text); {
		if !padded[text[i]] {
			i++
			continue
		}
		end := padded.Run(text, i)
		end = joinLines(text, i, end)
		run := text[i:end]
		if len(run) >= minDER && isPrivate(run) || torn && end == len(text) && len(run) > 20 && isPrivate(run) {
			dst = append(dst, Span{i, end})
		}
		i = end + 1
	}
	return dst
}

// joinLines is where a run of base64 ends that goes on in the next lines.
func joinLines(text []byte, start, end int) int {
	for end-start >= 40 && end+2 < len(text) {
		next := end
		if text[next] == '\r' {
			next++
		}
		if text[next] != '\n' || !padded[text[next+1]] {
			break
		}
		end = padded.Run(text, next+1)
	}
	return end
}

// isPrivate says whether base64 starts as a private key does.
func isPrivate(run []byte) bool {
	if chars.HasPrefix(run, "b3BlbnNzaC1rZXktdjE") { // openssh-key-v1
		return true
	}
	if run[0] != 'M' {
		return false
	}
	var der [48]byte
	head := run[:min(len(run), 64)]
	head = head[:len(head)/4*4]
	n, _ := base64.StdEncoding.Decode(der[:], head) // what is no base64 ends it
	if n < 12 || der[0] != 0x30 {
		return false
	}
	inner := skipLength(der[:n], 1)
	if len(inner) < 8 {
		return false
	}
	if bytes.HasPrefix(inner, []byte{2, 1}) { // a version comes first
		version, kind := inner[2], inner[3]
		return version <= 1 && (kind == 0x30 || kind == 2 || kind == 4) || version == 3 && kind == 0x30
	}
	// an encrypted PKCS #8 key starts with the scheme of its encryption
	scheme := skipLength(inner, 1)
	return inner[0] == 0x30 && (bytes.HasPrefix(scheme, pbes2) || bytes.HasPrefix(scheme, pbePKCS12))
}

// The schemes PBES2 and PKCS #12 PBE, as object identifiers.
var (
	pbes2     = []byte{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0d}
	pbePKCS12 = []byte{6, 10, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 0x0c, 1}
)

// skipLength is what follows the length of a DER element that stands at i.
func skipLength(der []byte, i int) []byte {
	if i >= len(der) {
		return nil
	}
	n := 1
	if der[i] >= 0x80 {
		n += int(der[i] & 0x7f)
	}
	return der[min(i+n, len(der)):]
}

// findPuTTY finds PuTTY's private keys, up to the end of the text where their last
// line is missing.
func findPuTTY(dst []Span, text []byte, _ bool) []Span {
	const begin, last = "PuTTY-User-Key-File-", "Private-MAC:"
	for from := 0; ; {
		at := bytes.Index(text[from:], []byte(begin))
		if at < 0 {
			return dst
		}
		start, end := from+at, len(text)
		if at := bytes.Index(text[start:], []byte(last)); at >= 0 {
			end = start + at + len(last)
			for end < len(text) && text[end] == ' ' {
				end++
			}
			end = hexs.Run(text, end)
		}
		dst = append(dst, Span{start, end})
		from = end
	}
}

// hashStarts are the starts of hashed passwords (crypt(5), PHC strings, LDAP).
var hashStarts = []string{
	"$2a$", "$2b$", "$2x$", "$2y$", "$argon2", "$apr1$", "$pbkdf2", "$scrypt$", "$1$", "$5$", "$6$", "$7$", "$y$", "$gy$", "$sha1$",
	"{SHA", "{SSHA", "{MD5}", "{SMD5}", "{CRYPT}", "{PBKDF2",
}

// findHash finds hashed passwords, which can be guessed.
func findHash(dst []Span, text []byte, torn bool) []Span {
	for i := 0; i < len(text); i++ {
		if text[i] != '$' && text[i] != '{' || i > 0 && (hashed[text[i-1]] || text[i-1] == '}') {
			continue
		}
		for _, start := range hashStarts {
			if !chars.HasPrefix(text[i:], start) {
				continue
			}
			from := i + len(start)
			if text[i] == '{' {
				if at := bytes.IndexByte(text[from:min(from+16, len(text))], '}'); at >= 0 {
					from += at + 1
				}
			}
			end := hashed.Run(text, from)
			if last := lastField(text[from:end]); last >= minHash || torn && end == len(text) {
				dst = append(dst, Span{i, end})
				i = end - 1
			}
			break
		}
	}
	return dst
}

// minHash is how long a hash is at least, in characters.
const minHash = 20

var hashed = chars.Alnum("./+=,$-_")

// lastField is the length of what stands behind the last $.
func lastField(text []byte) int { return len(text) - bytes.LastIndexByte(text, '$') - 1 }

// findElasticsearch finds API keys of Elasticsearch in the form that its clients
// send: ID:KEY in base64, of 20 and 22 characters.
func findElasticsearch(dst []Span, text []byte, _ bool) []Span {
	const length = 58 // without padding
	for from := 0; ; {
		at := bytes.IndexByte(text[from:], '=')
		if at < 0 {
			return dst
		}
		end := from + at
		from = end + 1
		start := end - length
		if start < 0 || text[start+27] != '6' || start > 0 && padded[text[start-1]] {
			continue
		}
		var plain [43]byte
		n, err := base64.RawStdEncoding.Decode(plain[:], text[start:end])
		if err != nil || n != len(plain) || plain[20] != ':' || !urls.All(plain[:20]) || !urls.All(plain[21:]) {
			continue
		}
		for end < len(text) && text[end] == '=' {
			end++
		}
		dst = append(dst, Span{start, end})
		from = end
	}
}

// findAzure finds client secrets of Azure and keys of its storage accounts.
func findAzure(dst []Span, text []byte, torn bool) []Span {
	dst = azureClient.find(dst, text, torn)
	const name = "AccountKey="
	for from := 0; ; {
		at := bytes.Index(text[from:], []byte(name))
		if at < 0 {
			return dst
		}
		start := from + at + len(name)
		from = padded.Run(text, start)
		if from-start >= 40 {
			dst = append(dst, Span{start, from})
		}
	}
}
