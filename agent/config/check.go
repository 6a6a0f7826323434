package config

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a static binary finds its time zones in a container too
	"unicode"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/charset"
)

// checks are the meanings of the tag "is". Each gets the text of a value, never
// empty but for listen, and gives what is to be stored. An error continues a
// sentence that begins with the value, and does not repeat it.
var checks = map[string]func(d *decoder, s string) (string, error){
	"label":        label,
	"inputid":      inputID,
	"inputtype":    inputType,
	"recordname":   recordName,
	"path":         func(d *decoder, s string) (string, error) { return d.path(s) },
	"glob":         func(d *decoder, s string) (string, error) { return d.glob(s) },
	"readable":     func(d *decoder, s string) (string, error) { return d.readable(s) },
	"certificates": func(d *decoder, s string) (string, error) { return d.certificates(s) },
	"url":          address,
	"proxy":        proxy,
	"listen":       listen,
	"credential":   credential,
	"password":     password,
	"idkey":        idKey,
	"cloudid":      cloudID,
	"fingerprint":  fingerprint,
	"namespace":    namespace,
	"space":        space,
	"timezone":     timezone,
	"encoding":     encoding,
}

// encoding checks the name of an encoding, and gives its usual one.
func encoding(_ *decoder, s string) (string, error) {
	c, err := charset.Lookup(s)
	if err != nil {
		return "", err
	}
	return c.Name(), nil
}

// suggested are the words that a check accepts, where it accepts words only.
var suggested = map[string]func() []string{
	"inputtype":  InputTypes,
	"recordname": event.Names,
}

// recordName checks a name to which a rename may lead. A record's objects may be
// renamed as a whole.
func recordName(_ *decoder, s string) (string, error) {
	if !slices.Contains(event.Names(), s) {
		return "", errors.New("is not a name of the gateway's audit record")
	}
	return s, nil
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func label(_ *decoder, s string) (string, error) {
	if len(s) > 256 || !printable(s) || strings.TrimSpace(s) != s {
		return "", errors.New("must be at most 256 printable characters without space around them")
	}
	return s, nil
}

// CheckGateway says what is wrong with a gateway's name that comes from elsewhere
// than a configuration, or nil.
func CheckGateway(name string) error {
	if name == "" {
		return errors.New("is empty")
	}
	_, err := label(nil, name)
	return err
}

var inputIDPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

func inputID(_ *decoder, s string) (string, error) {
	if !inputIDPattern.MatchString(s) {
		return "", errors.New("must be letters, digits, dot, dash and underscore, at most 128, a letter or digit first")
	}
	return s, nil
}

// path makes a path absolute, as seen from the folder of the configuration.
func (d *decoder) path(s string) (string, error) {
	if strings.HasPrefix(s, "~") {
		return "", errors.New("begins with ~, which only a shell knows; write the whole path")
	}
	if strings.ContainsRune(s, 0) {
		return "", errors.New("holds a NUL character")
	}
	return absolute(s, d.dir), nil
}

var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `{`, `\{`)

// glob makes a pattern absolute and checks its grammar.
func (d *decoder) glob(s string) (string, error) {
	if _, err := d.path(s); err != nil {
		return "", err
	}
	if strings.HasSuffix(s, "/") {
		return "", errors.New("names a folder; a glob must match files, for example by /*.json at its end")
	}
	if !doublestar.ValidatePathPattern(s) {
		return "", errors.New(`is not a glob: a bracket [ or brace { does not end, or \ ends it`)
	}
	if !filepath.IsAbs(s) {
		s = strings.TrimSuffix(globEscaper.Replace(d.dir), "/") + "/" + strings.TrimPrefix(s, "./")
	}
	return s, nil
}

// readable makes a path absolute and reads the file once.
func (d *decoder) readable(s string) (string, error) {
	path, _, err := d.read(s)
	return path, err
}

// certificates makes a path absolute and checks that the file has certificates
// in PEM.
func (d *decoder) certificates(s string) (string, error) {
	path, data, err := d.read(s)
	if err != nil {
		return "", err
	}
	found := false
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return "", errors.New("holds a certificate that cannot be parsed")
		}
		found = true
	}
	if !found {
		return "", errors.New(`holds no certificate in PEM ("-----BEGIN CERTIFICATE-----")`)
	}
	return path, nil
}

func (d *decoder) read(s string) (string, []byte, error) {
	path, err := d.path(s)
	if err != nil {
		return "", nil, err
	}
	data, err := d.env.ReadFile(path)
	if err != nil {
		return "", nil, fmt.Errorf("cannot be read: %w", errors.Unwrap(fileError(path, err)))
	}
	return path, data, nil
}

// address checks a URL of a server. Nothing of net/url's errors is shown: they
// quote pieces of the URL, which may hold a password.
func address(_ *decoder, s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Opaque != "" || u.Host == "" && u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("is not a URL such as https://host:9200")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("must begin with https:// or http://")
	case u.User != nil:
		return "", errors.New("must not hold a user name or password; use username and password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("must not hold a query (?) or fragment (#)")
	}
	return strings.TrimSuffix(s, "/"), hostAndPort(u)
}

func proxy(_ *decoder, s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return "", errors.New("is not the URL of a proxy such as http://proxy:3128")
	}
	return s, hostAndPort(u)
}

func hostAndPort(u *url.URL) error {
	if u.Hostname() == "" {
		return errors.New("names no host")
	}
	if u.Port() != "" && !validPort(u.Port()) {
		return errors.New("has a port that is not 1 to 65535")
	}
	return nil
}

func validPort(s string) bool {
	port, err := strconv.ParseUint(s, 10, 16)
	return err == nil && port > 0
}

// listen checks an address to listen on. Port 0 lets the system choose.
func listen(_ *decoder, s string) (string, error) {
	if s == "" || s == "off" {
		return "", nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || port != "0" && !validPort(port) || strings.ContainsAny(host, " /@") {
		return "", errors.New("is not host:port such as 127.0.0.1:9479, nor off")
	}
	return s, nil
}

// credential checks what goes into a header.
func credential(_ *decoder, s string) (string, error) {
	if strings.ContainsFunc(s, unicode.IsSpace) || !printable(s) {
		return "", errors.New("holds a space, a line break or a control character; is it the right one, and whole?")
	}
	return s, nil
}

func password(_ *decoder, s string) (string, error) {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return "", errors.New("holds a line break or a control character")
	}
	return s, nil
}

func idKey(_ *decoder, s string) (string, error) {
	if len(s) < 16 {
		return "", errors.New("is shorter than 16 bytes")
	}
	return s, nil
}

// cloudID checks the form name:base64(host$elasticsearch$kibana).
func cloudID(_ *decoder, s string) (string, error) {
	_, encoded, ok := strings.Cut(s, ":")
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	parts := strings.Split(string(decoded), "$")
	if !ok || err != nil || len(parts) < 2 || parts[0] == "" || parts[1] == "" {
		return "", errors.New("is not a Cloud ID; copy it whole from the deployment's page")
	}
	return s, nil
}

// fingerprint stores a SHA-256 as 64 hex digits in lower case.
func fingerprint(_ *decoder, s string) (string, error) {
	digits := strings.ToLower(strings.ReplaceAll(s, ":", ""))
	if sum, err := hex.DecodeString(digits); err != nil || len(sum) != 32 {
		return "", errors.New("is not a SHA-256 fingerprint of 64 hex digits")
	}
	return digits, nil
}

var namespacePattern = regexp.MustCompile(`^[^A-Z\\/*?"<>|, #:\-\x00-\x1f]{1,100}$`)

// namespace follows
// https://www.elastic.co/docs/reference/fleet/data-streams#data-streams-naming-scheme:
// the rules of an index name, no dash, at most 100 bytes.
func namespace(_ *decoder, s string) (string, error) {
	if !namespacePattern.MatchString(s) || len(s) > 100 {
		return "", errors.New(`cannot be part of a data stream's name: lower case, without spaces and without - \ / * ? " < > | , # :, at most 100 bytes`)
	}
	return s, nil
}

var spacePattern = regexp.MustCompile(`^[a-z0-9_-]+$`)

func space(_ *decoder, s string) (string, error) {
	if !spacePattern.MatchString(s) {
		return "", errors.New("is not the id of a space: lower-case letters, digits, _ and -")
	}
	return s, nil
}

func timezone(_ *decoder, s string) (string, error) {
	if _, err := time.LoadLocation(s); err != nil {
		return "", errors.New("is not an IANA time zone such as UTC or Europe/Berlin, nor Local")
	}
	return s, nil
}
