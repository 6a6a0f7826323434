package mask

import (
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// pack is the built-in rules file.
//
//go:embed builtin.yml
var pack []byte

// packName stands for the built-in rules in errors.
const packName = "built-in rules"

// Options say what rules refer to outside their files.
type Options struct {
	// NoDefaults leaves the built-in rules out, as defaults: off in a file
	// does. Default: they apply.
	NoDefaults bool
	// LookupEnv finds the environment variable of a key. Default: os.LookupEnv.
	LookupEnv func(name string) (string, bool)
	// ReadFile reads a rules file or the file of a key, and gives its
	// permissions. Default: the file system.
	ReadFile func(path string) ([]byte, fs.FileMode, error)
}

// Load reads rules files, adds the built-in rules, and runs the tests the
// files hold. It returns all mistakes of all files as Errors. Without files it
// gives the built-in rules alone.
func Load(files []string, opts Options) (*Rules, error) {
	l, err := load(files, opts)
	if err != nil {
		return nil, err
	}
	if failed := l.test(); len(failed) > 0 {
		return nil, failed
	}
	return l.rules, nil
}

// Test runs the tests of rules files and says how many there are and which
// failed. Files that cannot be loaded are an error, as for Load.
func Test(files []string, opts Options) (count int, failed Errors, err error) {
	l, err := load(files, opts)
	if err != nil {
		return 0, nil, err
	}
	return len(l.tests), l.test(), nil
}

// loaded is what files hold.
type loaded struct {
	rules *Rules
	tests []testSpec
	texts map[string][]byte // by file
}

func (l *loaded) test() Errors { return runTests(l.rules, l.tests).withText(l.texts) }

func load(files []string, opts Options) (*loaded, error) {
	if opts.LookupEnv == nil {
		opts.LookupEnv = os.LookupEnv
	}
	if opts.ReadFile == nil {
		opts.ReadFile = readFile
	}
	l := &loaded{texts: map[string][]byte{}}
	specs, errs := readFiles(files, opts, l.texts)
	c := newCompiler(opts)
	l.rules = c.compile(specs)
	if errs = append(errs, c.errs...); len(errs) > 0 {
		return nil, errs.sorted().withText(l.texts)
	}
	for _, spec := range specs {
		l.tests = append(l.tests, spec.tests...)
	}
	return l, nil
}

// readFiles parses the files and, unless one of them says otherwise, the
// built-in rules. It keeps the texts of the files.
func readFiles(files []string, opts Options, texts map[string][]byte) (specs []fileSpec, errs Errors) {
	off := opts.NoDefaults
	for _, name := range files {
		text, _, err := opts.ReadFile(name)
		if err != nil {
			errs = append(errs, &Error{File: name, Problem: "cannot read the rules: " + reason(err)})
			continue
		}
		texts[name] = text
		spec, more := parseFile(name, text, false)
		specs, errs, off = append(specs, spec), append(errs, more...), off || spec.off
	}
	if !off {
		spec, more := parseFile(packName, pack, true)
		specs, errs = append(specs, spec), append(errs, more...)
	}
	return specs, errs
}

// Builtin gives the built-in rules alone.
func Builtin() *Rules {
	r, err := Load(nil, Options{})
	if err != nil {
		panic(fmt.Sprintf("the built-in rules are wrong: %v", err)) // a test loads them
	}
	return r
}

// maxRulesFile bounds a rules file, in bytes.
const maxRulesFile = 4 << 20

func readFile(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if info.Size() > maxRulesFile {
		return nil, 0, errors.New("larger than 4 MiB")
	}
	text, err := os.ReadFile(path)
	return text, info.Mode().Perm(), err
}

// reason is an error without the path and the system call.
func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// compiler puts parsed files together.
type compiler struct {
	opts     Options
	errs     Errors
	r        *Rules
	specs    []ruleSpec // by rule index
	patterns []pattern
	zones    int
	allowed  map[string]source // paths exempt by allow
}

func newCompiler(opts Options) *compiler {
	return &compiler{
		opts:    opts,
		allowed: map[string]source{},
		r:       &Rules{byID: map[string]int32{}, keyIDs: map[string]*hmacKey{}, limits: defaultLimits, prefilter: newPrefilter()},
	}
}

func (c *compiler) fail(at source, format string, args ...any) {
	c.errs = append(c.errs, &Error{File: at.file, Line: at.line, Column: at.column, Key: at.key, Problem: fmt.Sprintf(format, args...)})
}

func (c *compiler) compile(specs []fileSpec) *Rules {
	failure := dropValue
	for i := range specs {
		failure = max(failure, specs[i].failure)
		c.limits(&specs[i])
		for _, k := range specs[i].keys {
			c.key(k)
		}
		for _, a := range specs[i].allow {
			c.allow(a)
		}
	}
	for i := range specs {
		for _, spec := range specs[i].rules {
			c.declare(spec, failure)
		}
	}
	c.r.limitRule = c.declareOwn(limitID, failure)
	c.r.errorRule = c.declareOwn(errorID, failure)
	for i, spec := range c.specs {
		c.rule(int32(i), spec)
	}
	c.fixed()
	if len(c.errs) > 0 {
		return nil
	}
	c.r.graph = newGraph(c.patterns)
	c.finders()
	return c.r
}

// limits lets the smallest limit of all files count.
func (c *compiler) limits(f *fileSpec) {
	l := &c.r.limits
	l.depth, l.decode = min(l.depth, f.limits.depth), pick(f.limited["decode"], f.limits.decode, l.decode)
	l.length, l.regex = pick(f.limited["length"], f.limits.length, l.length), pick(f.limited["regex"], f.limits.regex, l.regex)
}

func pick[T any](yes bool, a, b T) T {
	if yes {
		return a
	}
	return b
}

func (c *compiler) key(k keySpec) {
	if _, twice := c.r.keyIDs[k.id]; twice {
		c.fail(k.at, "there is a key with this id already")
		return
	}
	secret, problem := c.secret(k)
	if problem == "" && len(secret) < k.minBytes {
		problem = fmt.Sprintf("the key has %d bytes, min_bytes asks for %d", len(secret), k.minBytes)
	}
	if problem != "" {
		c.fail(k.at, "%s", problem)
	}
	c.r.keyIDs[k.id] = &hmacKey{id: k.id, secret: secret}
}

// secret reads a key's bytes. Hex and base64 are decoded; a file may also hold
// the bytes themselves.
func (c *compiler) secret(k keySpec) (secret []byte, problem string) {
	if k.env != "" {
		text, ok := c.opts.LookupEnv(k.env)
		if !ok {
			return nil, "the environment variable " + k.env + " is not set"
		}
		if secret = decodeKey(strings.TrimSpace(text)); secret == nil {
			return nil, "the environment variable " + k.env + " is neither hex nor base64"
		}
		return secret, ""
	}
	text, mode, err := c.opts.ReadFile(besideRules(k))
	if err != nil {
		return nil, "cannot read the key file " + k.file + ": " + reason(err)
	}
	if mode&0o007 != 0 {
		return nil, "the key file " + k.file + " is open to everyone on this host: chmod 0600"
	}
	if secret = decodeKey(strings.TrimSpace(string(text))); len(secret) < k.minBytes {
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
func besideRules(k keySpec) string {
	if filepath.IsAbs(k.file) {
		return k.file
	}
	return filepath.Join(filepath.Dir(k.at.file), k.file)
}

// wholes are the fields of a record that hold all kinds of values.
var wholes = []string{"http_request", "http_request.body", "http_request.headers", "http_response", "http_response.body"}

func (c *compiler) allow(a allowSpec) {
	for _, p := range a.paths {
		c.mistyped(p)
		if last := p.segs[len(p.segs)-1]; last.kind == segDeep || last.kind == segAny || slices.Contains(wholes, p.text) {
			c.fail(p.at, "a whole body cannot be exempt; name the fields")
			continue
		}
		c.allowed[p.text] = p.at
		c.patterns = append(c.patterns, pattern{segs: p.segs, accept: acceptAllow})
	}
	if a.value == "" {
		return
	}
	re, err := regexp.Compile(a.value)
	switch {
	case err != nil:
		c.fail(a.at, "value: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return
	case re.MatchString(""):
		c.fail(a.at, "value: the expression matches the empty text")
		return
	}
	v := allowedValue{re: re}
	if open, err := regexp.Compile(strings.TrimPrefix(a.value, "^")); err == nil {
		v.prefix, _ = open.LiteralPrefix()
	}
	c.r.allowed = append(c.r.allowed, v)
}

// declare gives a rule its index.
func (c *compiler) declare(spec ruleSpec, failure onError) {
	if before, twice := c.r.byID[spec.id]; twice {
		if c.specs[before].builtin || spec.builtin {
			user := pick(spec.builtin, c.specs[before], spec)
			c.fail(user.at, "the built-in rules have a rule with the id %q; choose another, and override: %s to weaken that one", spec.id, spec.id)
		} else {
			c.fail(spec.at, "there is a rule with the id %q already", spec.id)
		}
		return
	}
	if spec.failure != nil {
		failure = *spec.failure
	}
	c.r.byID[spec.id] = int32(len(c.r.rules))
	c.specs = append(c.specs, spec)
	c.r.conditional = c.r.conditional || spec.when != nil
	c.r.rules = append(c.r.rules, rule{
		id: spec.id, action: spec.action, overrides: none, keepObjects: !spec.objects, failure: failure,
		marker: []byte(redactedPrefix + spec.id + "]"), quoted: []byte(`"` + redactedPrefix + spec.id + `]"`), when: spec.when,
	})
}

// declareOwn adds a rule that no file holds.
func (c *compiler) declareOwn(id string, failure onError) int32 {
	c.declare(ruleSpec{id: id, builtin: true, objects: true, action: action{kind: redact}}, failure)
	return c.r.byID[id]
}

// rule compiles what a rule selects.
func (c *compiler) rule(i int32, spec ruleSpec) {
	r := &c.r.rules[i]
	c.override(r, spec)
	c.hmacKey(r, spec)
	if len(spec.in) > 0 {
		c.zone(r, spec)
	}
	for _, p := range spec.paths {
		if at, ok := c.allowed[p.text]; ok {
			c.fail(p.at, "the path is exempt by allow: in line %d of %s", at.line, at.file)
		}
		c.mistyped(p)
		c.patterns = append(c.patterns, pattern{segs: p.segs, accept: acceptRule, id: i})
	}
	for _, k := range spec.keys {
		if name, ok := parseName(k.text, i); ok {
			c.r.namePatterns = append(c.r.namePatterns, name)
			c.r.nameGlobs = c.r.nameGlobs || name.glob != nil
		}
	}
	for _, d := range spec.detect {
		c.r.detectors[d] = append(c.r.detectors[d], i)
	}
	for _, re := range spec.match {
		c.r.addMatcher(i, re, spec.literal)
	}
}

func (c *compiler) override(r *rule, spec ruleSpec) {
	if spec.override == "" {
		return
	}
	other, known := c.r.byID[spec.override]
	if !known {
		c.errs = append(c.errs, &Error{
			File: spec.at.file, Line: spec.at.line, Column: spec.at.column, Key: spec.at.key + ".override",
			Problem: fmt.Sprintf("there is no rule %q", spec.override), Suggestion: nearest(spec.override, sortedKeys(c.r.byID)),
		})
		return
	}
	r.overrides = other
}

func (c *compiler) hmacKey(r *rule, spec ruleSpec) {
	if r.action.kind != hmacHash {
		return
	}
	key, known := c.r.keyIDs[spec.keyID]
	if !known {
		if spec.keyID != "" {
			c.fail(spec.keyAt, "masking.keys has no key %q", spec.keyID)
		}
		return
	}
	r.action.key = key
	if r.action.domain == "" {
		r.action.domain = spec.id
	}
	if !slices.Contains(key.chars, r.action.chars) {
		key.chars = append(key.chars, r.action.chars)
	}
}

// maxZones is how many rules can have an in: list.
const maxZones = 64

func (c *compiler) zone(r *rule, spec ruleSpec) {
	if c.zones == maxZones {
		c.fail(spec.at, "more than %d rules have in:", maxZones)
		return
	}
	r.zone = 1 << c.zones
	for _, p := range spec.in {
		c.mistyped(p)
		// whatever stands below a path belongs to it
		segs := append(slices.Clone(p.segs), segment{kind: segDeep})
		c.patterns = append(c.patterns, pattern{segs: segs, accept: acceptZone, id: int32(c.zones)})
	}
	c.zones++
}

// fields are the gateway's names that paths start with.
var fields = []string{
	"error_message", "event_time", "event_type", "http_request", "http_response", "id", "ip_address",
	"operator", "resource_id", "resource_name", "resource_type", "source", "token_name",
}

// mistyped refuses a path that is a typing mistake away from a field of the
// gateway's record, since it would never match. Who means another field writes
// ["name"].
func (c *compiler) mistyped(p pathSpec) {
	first := p.segs[0]
	if first.kind == segIndex || first.kind == segIndexAny {
		c.fail(p.at, "the path can never match: a record is an object")
		return
	}
	if meant := nearField(first.text); first.kind == segLiteral && meant != "" && !strings.HasPrefix(p.text, "[") {
		c.errs = append(c.errs, &Error{
			File: p.at.file, Line: p.at.line, Column: p.at.column, Key: p.at.key,
			Problem: fmt.Sprintf("the path can never match: records have no field %q", first.text), Suggestion: meant,
		})
	}
}

// nearField is the field of the gateway's record that a name is a typing
// mistake away from, or "".
func nearField(name string) string {
	if len(name) < 5 || slices.Contains(fields, name) {
		return ""
	}
	best, least := "", 3
	for _, f := range fields {
		if d := distance(name, f); len(f) >= 5 && d < least {
			best, least = f, d
		}
	}
	return best
}

// fixed adds the paths that are the same in every set: the record's identity,
// where the request's address and the bodies it speaks about stand, what is
// written in words, and what people named.
func (c *compiler) fixed() {
	add := func(accept acceptKind, keys ...string) {
		var segs []segment
		for _, k := range keys {
			segs = append(segs, segment{kind: segLiteral, text: k})
		}
		c.patterns = append(c.patterns, pattern{segs: segs, accept: accept, exact: true})
	}
	add(acceptProtect, "id")
	add(acceptProtect, "event_time")
	add(acceptProtect, "resource_id")
	add(acceptProtect, "operator", "id")
	add(acceptURI, "http_request", "uri")
	add(acceptBody, "http_request", "body")
	add(acceptBody, "http_response", "body")
	add(acceptName, "token_name")
	add(acceptName, "resource_name")
	add(acceptName, "operator", "username")
	add(acceptName, "operator", "first_name")
	add(acceptName, "operator", "last_name")
	add(acceptMessage, "error_message")
	for _, key := range []string{"error", "error_msg", "message"} {
		c.patterns = append(c.patterns, pattern{segs: []segment{{kind: segDeep}, {kind: segLiteral, text: key}}, accept: acceptMessage})
	}
}

// finders makes the detectors in use and their share of the prefilter.
func (c *compiler) finders() {
	c.r.prefilter.addLayers()
	for d, rules := range c.r.detectors {
		if len(rules) == 0 {
			continue
		}
		f := newFinder(detector(d))
		c.r.finders[d] = f
		for _, fragment := range f.fragments {
			c.r.prefilter.add(fragment, 1<<d)
		}
		if f.digits > 0 {
			c.r.prefilter.addDigits(f.digits, 1<<d)
		}
	}
	c.lost()
}

// lost notes the last keys of all paths. Where a text has lost its structure,
// they are taken for the names of secrets.
func (c *compiler) lost() {
	c.r.lostNames = map[string]int32{}
	for _, p := range c.patterns {
		last := p.segs[len(p.segs)-1]
		if p.accept != acceptRule || last.kind != segLiteral {
			continue
		}
		before, known := c.r.lostNames[last.text]
		if !known {
			before = none
		}
		c.r.lostNames[last.text] = c.r.stronger(before, p.id)
	}
}
