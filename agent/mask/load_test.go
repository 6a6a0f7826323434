package mask

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// noFiles is a file system without files.
func noFiles(path string) ([]byte, fs.FileMode, error) {
	return nil, 0, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

// load compiles rules files given by name and text, for tests that expect them
// to be right.
func loadText(t testing.TB, files ...string) *Rules {
	t.Helper()
	rules, err := tryLoad(files...)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// tryLoad compiles rules given as texts; they are called 1.yml, 2.yml and so
// on. The file key.txt holds a key, open.txt one that everyone can read, and
// the variable MASK_KEY one in hex.
func tryLoad(texts ...string) (*Rules, error) {
	files := map[string]string{
		"key.txt":  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"open.txt": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"tiny.txt": "secret",
	}
	var names []string
	for i, text := range texts {
		name := string(rune('1'+i)) + ".yml"
		files[name] = text
		names = append(names, name)
	}
	return Load(names, Options{
		LookupEnv: func(name string) (string, bool) {
			return "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", name == "MASK_KEY"
		},
		ReadFile: func(path string) ([]byte, fs.FileMode, error) {
			text, ok := files[path]
			if !ok {
				return noFiles(path)
			}
			mode := fs.FileMode(0o600)
			if path == "open.txt" {
				mode = 0o644
			}
			return []byte(text), mode, nil
		},
	})
}

// A person sees the line, and where in it the mistake is.
func TestMistakesAreShown(t *testing.T) {
	_, err := tryLoad("masking:\n  rules:\n    - {id: a, select: {key: b}, action: sha256}\n    - {id: b, select: {key: '" + strings.Repeat("long ", 40) + "'}, action: redcat}\n")
	var mistakes Errors
	if !errors.As(err, &mistakes) {
		t.Fatal(err)
	}
	const want = `1.yml:3:41: masking.rules[0].action: unknown action "sha256" (did you mean "hmac"?)
        - {id: a, select: {key: b}, action: sha256}
                                            ^
1.yml:4:242: masking.rules[1].action: unknown action "redcat" (did you mean "redact"?)
    ng long long long long long long long long long '}, action: redcat}
                                                                ^`
	if got := mistakes.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Every mistake is found at its place, all of them at once.
func TestMistakesInRules(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"empty":              {"", `1.yml:1:1: the file is empty: it needs masking:`},
		"no YAML":            {"masking: [", `1.yml:1:1: not YAML: did not find expected node content`},
		"unknown key":        {"maskign: {}", `1.yml:1:1: maskign: unknown key (did you mean "masking"?)`},
		"key twice":          {"masking:\n  version: 1\n  version: 1", `1.yml:3:3: masking.version: is here a second time; the first is in line 2`},
		"version":            {"masking: {version: 2}", `1.yml:1:20: masking.version: this agent knows version 1 only`},
		"defaults":           {"masking: {defaults: sctrict}", `1.yml:1:21: masking.defaults: unknown value "sctrict" (did you mean "strict"?)`},
		"on_error":           {"masking: {on_error: pass}", `1.yml:1:21: masking.on_error: unknown value "pass"`},
		"limits":             {"masking: {limits: {max_depth: 0, max_string: huge}}", "1.yml:1:31: masking.limits.max_depth: expected a whole number from 1 to 10000\n1.yml:1:46: masking.limits.max_string: expected a size such as 512KiB or 8MiB, up to 1GiB"},
		"no list":            {"masking: {rules: {}}", `1.yml:1:18: masking.rules: expected a list`},
		"no id":              {"masking: {rules: [{select: {key: a}, action: redact}]}", `1.yml:1:19: masking.rules[0]: a rule needs an id:`},
		"bad id":             {"masking: {rules: [{id: a b, select: {key: a}, action: redact}]}", `1.yml:1:24: masking.rules[0].id: an id is made of letters, digits, - and _, 48 at most`},
		"no select":          {"masking: {rules: [{id: a, action: redact}]}", `1.yml:1:19: masking.rules[0]: a rule needs a select:`},
		"empty select":       {"masking: {rules: [{id: a, select: {}, action: redact}]}", `1.yml:1:35: masking.rules[0].select: a selector names one of path:, key:, detect:, match:`},
		"two selectors":      {"masking: {rules: [{id: a, select: {key: b, path: c}, action: redact}]}", `1.yml:1:35: masking.rules[0].select: a selector names one of path:, key:, detect:, match:`},
		"no action":          {"masking: {rules: [{id: a, select: {key: b}}]}", `1.yml:1:19: masking.rules[0]: a rule needs an action:`},
		"a bare hash":        {"masking:\n  rules:\n    - id: a\n      select: {key: b}\n      action: sha256", `1.yml:5:15: masking.rules[0].action: unknown action "sha256" (did you mean "hmac"?)`},
		"mistyped action":    {"masking: {rules: [{id: a, select: {key: b}, action: redcat}]}", `1.yml:1:53: masking.rules[0].action: unknown action "redcat" (did you mean "redact"?)`},
		"hmac without key":   {"masking: {rules: [{id: a, select: {key: b}, action: hmac}]}", `1.yml:1:53: masking.rules[0].action: hmac needs a key: write hmac: {key: ID}`},
		"unknown hmac key":   {"masking: {rules: [{id: a, select: {key: b}, action: {hmac: {key: k}}}]}", `1.yml:1:66: masking.rules[0].action.hmac.key: masking.keys has no key "k"`},
		"short hash":         {"masking: {keys: {k: {file: key.txt}}, rules: [{id: a, select: {key: b}, action: {hmac: {key: k, chars: 4}}}]}", `1.yml:1:104: masking.rules[0].action.hmac.chars: expected a whole number from 8 to 43`},
		"partial of nothing": {"masking: {rules: [{id: a, select: {key: b}, action: partial}]}", `1.yml:1:53: masking.rules[0].action: partial needs first: or last:, the characters to keep`},
		"parameters":         {"masking: {rules: [{id: a, select: {key: b}, action: {redact: 1}}]}", `1.yml:1:62: masking.rules[0].action.redact: the action takes no parameters`},
		"bad expression":     {"masking: {rules: [{id: a, select: {match: '(a'}, action: redact}]}", "1.yml:1:43: masking.rules[0].select.match: missing closing ): `(a`"},
		"empty expression":   {"masking: {rules: [{id: a, select: {match: 'a*'}, action: redact}]}", `1.yml:1:43: masking.rules[0].select.match: the expression matches the empty text`},
		"long expression":    {"masking: {limits: {regex_max_len: 3}, rules: [{id: a, select: {match: 'abcd'}, action: redact}]}", `1.yml:1:71: masking.rules[0].select.match: the expression is longer than 3 bytes (limits.regex_max_len)`},
		"unknown detector":   {"masking: {rules: [{id: a, select: {detect: emial}, action: redact}]}", `1.yml:1:44: masking.rules[0].select.detect: unknown detector "emial" (did you mean "email"?)`},
		"empty name":         {"masking: {rules: [{id: a, select: {key: '--'}, action: redact}]}", `1.yml:1:41: masking.rules[0].select.key: the name has no letters or digits`},
		"bad path":           {"masking: {rules: [{id: a, select: {path: 'a..b'}, action: redact}]}", `1.yml:1:42: masking.rules[0].select.path: the path has an empty step`},
		"bad index":          {"masking: {rules: [{id: a, select: {path: 'a[x]'}, action: redact}]}", `1.yml:1:42: masking.rules[0].select.path: between [ and ] stands *, a number from 0 to 255, or a key in quotes`},
		"mistyped path":      {"masking: {rules: [{id: a, select: {path: http_requst.body}, action: redact}]}", `1.yml:1:42: masking.rules[0].select.path: the path can never match: records have no field "http_requst" (did you mean "http_request"?)`},
		"impossible path":    {"masking: {rules: [{id: a, select: {path: '[0].a'}, action: redact}]}", `1.yml:1:42: masking.rules[0].select.path: the path can never match: a record is an object`},
		"mistyped in":        {"masking: {rules: [{id: a, select: {detect: email, in: eror_message}, action: redact}]}", `1.yml:1:55: masking.rules[0].select.in: the path can never match: records have no field "eror_message" (did you mean "error_message"?)`},
		"in beside select":   {"masking: {rules: [{id: a, in: x, select: {detect: email}, action: redact}]}", `1.yml:1:31: masking.rules[0].in: it belongs to the selector: select: {..., in: [...]}`},
		"in with a path":     {"masking: {rules: [{id: a, select: {path: x, in: y}, action: redact}]}", `1.yml:1:35: masking.rules[0].select: in: goes with key:, detect: or match:; a path says where itself`},
		"lonely literal":     {"masking: {rules: [{id: a, select: {detect: email, literal: x}, action: redact}]}", `1.yml:1:35: masking.rules[0].select: literal: goes with match:`},
		"wrong literal":      {"masking: {rules: [{id: a, select: {match: 'a(cme|pex)_[0-9]+', literal: acme}, action: redact}]}", `1.yml:1:35: masking.rules[0].select: literal: a match without "acme" is possible, and would be missed`},
		"objects of texts":   {"masking: {rules: [{id: a, select: {detect: email, objects: false}, action: redact}]}", `1.yml:1:35: masking.rules[0].select: objects: goes with path: or key:`},
		"two documents":      {"masking: {}\n---\nmasking: {}\n", `1.yml:2:1: a second document begins here; the file must be one document`},
		"an alias":           {"masking: {rules: [{id: a, select: {key: &k b}, action: redact}, {id: c, select: {key: *k}, action: redact}]}", "1.yml:1:41: anchors are not supported; a value that begins with & needs quotes\n1.yml:1:87: aliases are not supported; a value that begins with * needs quotes"},
		"bad condition":      {"masking: {rules: [{id: a, when: {'a.*': b}, select: {key: b}, action: redact}]}", `1.yml:1:34: masking.rules[0].when."a.*": a condition names one field, such as event_type or http_request.method`},
		"mistyped field":     {"masking: {rules: [{id: a, when: {event_tpye: b}, select: {key: b}, action: redact}]}", `1.yml:1:34: masking.rules[0].when.event_tpye: records have no field "event_tpye" (did you mean "event_type"?)`},
		"twice the id":       {"masking: {rules: [{id: a, select: {key: b}, action: redact}, {id: a, select: {key: c}, action: redact}]}", `1.yml:1:62: masking.rules[1]: there is a rule with the id "a" already`},
		"a built-in id":      {"masking: {rules: [{id: names, select: {key: b}, action: redact}]}", `1.yml:1:19: masking.rules[0]: the built-in rules have a rule with the id "names"; choose another, and override: names to weaken that one`},
		"a reserved id":      {"masking: {rules: [{id: limit, select: {key: b}, action: redact}]}", `1.yml:1:19: masking.rules[0]: the built-in rules have a rule with the id "limit"; choose another, and override: limit to weaken that one`},
		"override nothing":   {"masking: {rules: [{id: a, select: {key: b}, action: redact, override: nmaes, reason: r}]}", `1.yml:1:19: masking.rules[0].override: there is no rule "nmaes" (did you mean "names"?)`},
		"override, why":      {"masking: {rules: [{id: a, select: {key: b}, action: redact, override: names}]}", `1.yml:1:19: masking.rules[0]: an override needs a reason:`},
		"allow, why":         {"masking: {allow: [{path: a}]}", `1.yml:1:19: masking.allow[0]: an exemption needs a reason:`},
		"allow nothing":      {"masking: {allow: [{reason: a}]}", `1.yml:1:19: masking.allow[0]: an entry names a path:, a value:, or both`},
		"allow everything":   {"masking: {allow: [{value: '.*', reason: a}]}", `1.yml:1:19: masking.allow[0]: value: the expression matches the empty text`},
		"allow a body":       {"masking: {allow: [{path: http_request.body, reason: a}]}", `1.yml:1:26: masking.allow[0].path: a whole body cannot be exempt; name the fields`},
		"allow by wildcard":  {"masking: {allow: [{path: '**', reason: a}]}", `1.yml:1:26: masking.allow[0].path: a whole body cannot be exempt; name the fields`},
		"shadowed":           {"masking: {allow: [{path: x.y, reason: a}], rules: [{id: a, select: {path: x.y}, action: redact}]}", `1.yml:1:75: masking.rules[0].select.path: the path is exempt by allow: in line 1 of 1.yml`},
		"key from nowhere":   {"masking: {keys: {k: {min_bytes: 32}}}", `1.yml:1:18: masking.keys.k: a key comes from a file: or from an environment variable, env:`},
		"no key file":        {"masking: {keys: {k: {file: none.txt}}}", `1.yml:1:18: masking.keys.k: cannot read the key file none.txt: file does not exist`},
		"open key file":      {"masking: {keys: {k: {file: open.txt}}}", `1.yml:1:18: masking.keys.k: the key file open.txt is open to everyone on this host: chmod 0600`},
		"short key":          {"masking: {keys: {k: {file: tiny.txt}}}", `1.yml:1:18: masking.keys.k: the key has 6 bytes, min_bytes asks for 32`},
		"no variable":        {"masking: {keys: {k: {env: NONE}}}", `1.yml:1:18: masking.keys.k: the environment variable NONE is not set`},
		"test without out":   {"masking: {}\ntests: [{in: {a: 1}}]", `1.yml:2:9: tests[0]: a test needs out:, or dropped: true`},
		"failed test":        {"masking: {}\ntests: [{name: my test, in: {password: x}, out: {password: x}}]", `1.yml:2:9: tests[0]: test "my test" failed: got {"password":"[REDACTED:names]"}, want {"password":"x"}`},
		"sizes are written as in the configuration": {"masking: {limits: {max_string: 8mib}, version: 2}", `1.yml:1:48: masking.version: this agent knows version 1 only`},
		"several": {"masking:\n  rules:\n  - {id: a, select: {detect: x}, action: redact}\n  - {id: b, select: {key: x}, action: y}\n  unknown: 1",
			"1.yml:3:30: masking.rules[0].select.detect: unknown detector \"x\"\n1.yml:4:39: masking.rules[1].action: unknown action \"y\"\n1.yml:5:3: masking.unknown: unknown key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tryLoad(tt.text)
			if err == nil {
				t.Fatal("the rules were accepted")
			}
			var mistakes Errors
			if !errors.As(err, &mistakes) {
				t.Fatal(err)
			}
			var lines []string
			for _, one := range mistakes {
				lines = append(lines, one.Error())
			}
			if got := strings.Join(lines, "\n"); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
