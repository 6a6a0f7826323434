package mask

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/auditship/auditship/agent/mask/rule"
	"github.com/auditship/auditship/agent/mask/spec"
)

// key reads a key of the rules files.
func (c *compiler) key(k spec.Key) {
	if _, twice := c.r.set.Key(k.ID); twice {
		c.fail(k.At, "there is a key with this id already")
		return
	}
	secret, problem := c.secret(k)
	if problem == "" && len(secret) < k.MinBytes {
		problem = fmt.Sprintf("the key has %d bytes, min_bytes asks for %d", len(secret), k.MinBytes)
	}
	if problem != "" {
		c.fail(k.At, "%s", problem)
	}
	c.r.set.AddKey(&rule.Key{ID: k.ID, Secret: secret})
}

// secret reads a key's bytes. Hex and base64 are decoded; a file may also hold
// the bytes themselves.
func (c *compiler) secret(k spec.Key) (secret []byte, problem string) {
	if k.Env != "" {
		text, ok := c.opts.LookupEnv(k.Env)
		if !ok {
			return nil, "the environment variable " + k.Env + " is not set"
		}
		if secret = decodeKey(strings.TrimSpace(text)); secret == nil {
			return nil, "the environment variable " + k.Env + " is neither hex nor base64"
		}
		return secret, ""
	}
	text, mode, err := c.opts.ReadFile(besideRules(k))
	if err != nil {
		return nil, "cannot read the key file " + k.File + ": " + reason(err)
	}
	if mode&0o007 != 0 {
		return nil, "the key file " + k.File + " is open to everyone on this host: chmod 0600"
	}
	if secret = decodeKey(strings.TrimSpace(string(text))); len(secret) < k.MinBytes {
		secret = text // no encoding, or no key in it
	}
	return secret, ""
}

func decodeKey(text string) []byte {
	if b, err := hex.DecodeString(text); err == nil && len(b) > 0 {
		return b
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := enc.DecodeString(text); err == nil && len(b) > 0 {
			return b
		}
	}
	return nil
}

// besideRules is the path of a key's file, which starts in the folder of its rules
// file.
func besideRules(k spec.Key) string {
	if filepath.IsAbs(k.File) {
		return k.File
	}
	return filepath.Join(filepath.Dir(k.At.File), k.File)
}
