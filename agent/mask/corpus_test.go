package mask

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// sample is a record of the corpus with what must and what must not come out of
// masking.
type sample struct {
	record  []byte
	secrets []string
	kept    []string
}

// maker makes events. The same seed makes the same events.
type maker struct {
	*rand.Rand
	operations [][]string // event type, method, address
	plugins    [][]string // plugin, path
}

func newMaker(t testing.TB, seed uint64) *maker {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 42))}
	for _, line := range readLines(t, "operations.txt") {
		m.operations = append(m.operations, strings.Fields(line))
	}
	for _, line := range readLines(t, "plugin_fields.txt") {
		m.plugins = append(m.plugins, strings.Fields(line))
	}
	return m
}

const (
	lowerHex = "0123456789abcdef"
	upperAZ  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	alnum    = upperAZ + "abcdefghijklmnopqrstuvwxyz0123456789"
	printed  = alnum + "!#$%&()*+,-./:;<=>?@[]^_{|}~"
)

func (m *maker) chars(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[m.IntN(len(alphabet))]
	}
	return string(b)
}

func (m *maker) pick(list ...string) string { return list[m.IntN(len(list))] }

func (m *maker) uuid() string {
	return m.chars(lowerHex, 8) + "-" + m.chars(lowerHex, 4) + "-4" + m.chars(lowerHex, 3) + "-8" + m.chars(lowerHex, 3) + "-" + m.chars(lowerHex, 12)
}

// secret is a value that only its place gives away.
func (m *maker) secret() string { return m.pick("S3c", "x9-", "Qz_") + m.chars(alnum, 9+m.IntN(30)) }

// known is a secret that its looks give away.
func (m *maker) known() string {
	b64 := alnum + "-_"
	switch m.IntN(14) {
	case 0:
		return "a7ee-" + m.chars(alnum, 50) + m.chars(lowerHex, 32)
	case 1:
		return "a7ee." + m.chars(b64, 24) + "x"
	case 2:
		return "eyJ" + m.chars(b64, 33) + "." + m.chars(b64, 40) + "." + m.chars(b64, 43)
	case 3:
		return "-----BEGIN RSA PRIVATE KEY-----\n" + m.chars(alnum, 64) + "\n-----END RSA PRIVATE KEY-----"
	case 4:
		return "AKIA" + m.chars(upperAZ, 16)
	case 5:
		return "ghp_" + m.chars(alnum, 36)
	case 6:
		return "glpat-" + m.chars(b64, 20)
	case 7:
		return "xoxb-" + m.chars("0123456789", 12) + "-" + m.chars(alnum, 24)
	case 8:
		return "sk_live_" + m.chars(alnum, 24)
	case 9:
		return "sk-ant-" + m.chars(alnum, 40)
	case 10:
		return "hvs." + m.chars(alnum, 24)
	case 11:
		return "AIza" + m.chars(b64, 35)
	case 12:
		return "dop_v1_" + m.chars(lowerHex, 64)
	}
	return m.card()
}

// card is a Visa number with a valid check digit.
func (m *maker) card() string {
	for {
		if n := "4" + m.chars("0123456789", 15); len(detect.Find(detect.Named("pan")[0], nil, []byte(n), false)) > 0 {
			return n
		}
	}
}

func quote(s string) string { return string(jsonscan.AppendQuoted(nil, []byte(s))) }

// plant makes a JSON value that holds a secret somewhere, and returns what of
// it must not survive.
func (m *maker) plant() (value string, secrets []string) {
	s := m.secret()
	name := m.pick("password", "client_secret", "apiKey", "API_KEY", "access_token", "X-API-KEY", "dbPassword", "old_password", "secret_v2", "privateKey", "refreshToken", "MySecretProd", "redis_password", "PASSWORD")
	one := func(format string, args ...any) (string, []string) { return fmt.Sprintf(format, args...), []string{s} }
	switch m.IntN(31) {
	case 0, 1, 2:
		return one(`{%s:%s}`, quote(name), quote(s))
	case 3:
		n := m.chars("123456789", 9)
		return fmt.Sprintf(`{%s:%s}`, quote(m.pick("pin", "password", "otp", "secret")), n), []string{n}
	case 4:
		return one(`{"secrets":[%s,{"a":%s}]}`, quote(s), quote(s))
	case 5:
		return one(`{"headers":[{"name":%s,"value":%s}]}`, quote(m.pick("Authorization", "X-Auth-Token", "Cookie")), quote(s))
	case 6:
		return one(`{"env":[{"value":%s,"name":%s}]}`, quote(s), quote(name))
	case 7:
		return one(`{"headers":[["Authorization",%s],["Accept","*/*"]]}`, quote("Bearer "+s))
	case 8:
		return one(`{"headers":["Accept: */*",%s]}`, quote("X-Api-Key: "+s))
	case 9:
		return one(`{"text":%s}`, quote(`{"user":"ops",`+quote(name)+":"+quote(s)+"}"))
	case 10:
		return one(`{"text":%s}`, quote(quote(`{`+quote(name)+":"+quote(s)+"}")))
	case 11:
		return one(`{"text":%s}`, quote("user=ops&"+name+"="+s+"&page=1"))
	case 12:
		return one(`{"link":%s}`, quote("https://x.example.com/cb?page=1&"+name+"="+s+"#top"))
	case 13:
		return one(`{"redis":%s}`, quote("redis://default:"+s+"@cache.example.com:6379/0"))
	case 14:
		return one(`{"text":%s}`, quote("lang=en; session_token="+s+"; theme=dark"))
	case 15:
		plain := "user=ops&" + name + "=" + s
		coded := base64.StdEncoding.EncodeToString([]byte(plain))
		return fmt.Sprintf(`{"blob":%s}`, quote(coded)), []string{s, coded}
	case 16:
		return one(`{"to":%s}`, quote("/login?next="+url.QueryEscape("https://x/?"+name+"="+s)))
	case 17:
		return one(`{"p\u0061ssword":%s,"password":%s}`, quote(s), quote(s))
	case 18:
		return one(`[{"op":"replace","path":"/plugins/key-auth/key","value":%s}]`, quote(s))
	case 19:
		p := m.plugins[m.IntN(len(m.plugins))]
		return one(`{"plugins":{%s:%s}}`, quote(p[0]), strings.ReplaceAll(document(p[1]), canary, s))
	case 20:
		p := m.plugins[m.IntN(len(m.plugins))]
		return one(`{"consumers":[{"credentials":[{"config":%s,"type":%s}]}]}`, strings.ReplaceAll(document(p[1]), canary, s), quote(p[0]))
	case 21:
		return one(`{"message":%s}`, quote(fmt.Sprintf("invalid %s %q: try again", m.pick("token", "password", "API key"), s)))
	case 22:
		return one(`{"script":%s}`, quote("export "+strings.ToUpper(m.pick("db_password", "adc_token"))+"="+s+"\necho done"))
	case 23:
		return one(`{"xml":%s}`, quote("<user><name>ops</name><"+name+"><![CDATA["+s+"]]></"+name+"></user>"))
	case 24:
		return one(`{"yaml":%s}`, quote("db:\n  "+name+": |\n    "+s+"\n  user: ops\n"))
	case 25:
		return one(`{"form":%s}`, quote("name="+name+"&value="+s+"&x=1"))
	case 26:
		return one(`{"html":%s}`, quote("{&quot;"+name+"&quot;:&quot;"+s+"&quot;}"))
	case 27:
		return one(`{"error_msg":%s}`, quote("failed to parse field ["+name+"]: value ["+s+"]"))
	case 28:
		return one(`{"command":%s}`, quote("adc sync --token "+s+" -f adc.yaml"))
	case 29:
		return one(`{"args":["sync","--token",%s,"-f","adc.yaml"]}`, quote(s))
	}
	known := m.known()
	return fmt.Sprintf(`{"note":%s}`, quote("see "+known+" there")), strings.Split(known, "\n")
}

// keep makes a JSON value of which nothing may be hidden.
func (m *maker) keep() (value string, kept []string) {
	word := m.pick("httpbin", "orders", "payments-v2", "monkey", "passenger", "tokenizer", "keyword", "author") + m.chars(lowerHex, 3)
	name := m.pick("name", "token_name", "author", "keyword", "key_type", "token_type", "desc", "passenger", "tokenizer", "monkey", "token_endpoint", "header", "id")
	switch m.IntN(9) {
	case 0:
		return fmt.Sprintf(`{"upstream":{"key":%s,"hash_on":"vars"}}`, quote("remote_"+word)), []string{"remote_" + word}
	case 1:
		return fmt.Sprintf(`{"limit-count":{"key":%s,"count":%d}}`, quote("http_"+word), 100000+m.IntN(1e5)), []string{"http_" + word}
	case 2:
		n := fmt.Sprint(1795143845002 + m.Int64N(1e10))
		return fmt.Sprintf(`{"create_time":%s,"time":%s}`, n, quote(n)), []string{n}
	case 3:
		return fmt.Sprintf(`{"link":%s}`, quote("https://"+word+".example.com/a?page=7&gateway_group_id=default")), []string{word, "page=7"}
	case 4:
		return fmt.Sprintf(`{"labels":[{"key":%s,"value":"blue"}]}`, quote(word)), []string{word, "blue"}
	case 5:
		return fmt.Sprintf(`{"max_tokens":4096,"node":"10.0.0.1:8080","model":%s}`, quote(word)), []string{word, "4096", "10.0.0.1:8080"}
	case 6:
		id := m.uuid()
		return fmt.Sprintf(`{"ref":%s,"digest":%s}`, quote(id), quote(m.chars(lowerHex, 64))), []string{id}
	case 7:
		return fmt.Sprintf(`{"desc":%s}`, quote("owner: "+word+", see the runbook; don't change the password policy")), []string{word, "password policy"}
	}
	return fmt.Sprintf(`{%s:%s}`, quote(name), quote(word)), []string{word}
}

// event makes one record: an operation with something to keep and, in most
// cases, something to hide in its body, answer, address, headers or message.
func (m *maker) event(i int) sample {
	op := m.operations[m.IntN(len(m.operations))]
	resource := m.uuid()
	var e sample
	part := func() string {
		var parts []string
		for range 1 + m.IntN(3) {
			value, kept := m.keep()
			parts, e.kept = append(parts, value), append(e.kept, kept...)
		}
		if m.IntN(3) > 0 {
			value, secrets := m.plant()
			parts, e.secrets = append(parts, value), append(e.secrets, secrets...)
		}
		return `{"a":` + strings.Join(parts, `,"b":{"c":`) + strings.Repeat("}", len(parts))
	}
	body, answer := part(), part()
	if m.IntN(5) == 0 {
		body = quote(body)
	}
	token, header := m.known(), m.secret()
	e.secrets = append(e.secrets, strings.Split(token, "\n")...)
	e.secrets = append(e.secrets, header)
	e.kept = append(e.kept, resource, "Ops "+op[0])
	e.record = fmt.Appendf(nil, `{"id":"%08d","event_time":%d,"operator":{"id":"u-%d","username":%s,"email":"ops@example.com"},"source":"%s","token_name":"ci","event_type":%s,"resource_id":"%s","ip_address":"203.0.113.%d","error_message":%s,"http_request":{"method":"%s","uri":%s,"user_agent":"curl/8.5.0","headers":{"X-API-KEY":%s,"Host":"a"},"body":%s},"http_response":{"status_code":200,"body":%s}}`,
		i, 1795143845002+int64(i)*37, m.IntN(60), quote("Ops "+op[0]), m.pick("dashboard", "api", "adc"), quote(op[0]), resource, m.IntN(255),
		quote("rejected: "+token), op[1], quote(strings.ReplaceAll(op[2], "{id}", m.chars(lowerHex, 8))+"?gateway_group_id=default"), quote(header), body, answer)
	return e
}

// The corpus: what share of the secrets is hidden, and what share of the words
// that must stay does stay.
func TestRecallAndKeptWords(t *testing.T) {
	const events = 2000
	make, m := newMaker(t, 7), Builtin().NewMasker()
	var secrets, leaked, kept, lost int
	for i := range events {
		e := make.event(i)
		if !validJSON(e.record) {
			t.Fatalf("the corpus holds what is no JSON: %s", e.record)
		}
		out := m.Mask(e.record).Bytes
		for _, s := range e.secrets {
			secrets++
			if bytes.Contains(out, []byte(s)) {
				leaked++
				report(t, leaked, "leaked %q\nin  %s\nout %s", s, e.record, out)
			}
		}
		for _, s := range e.kept {
			kept++
			if !bytes.Contains(out, []byte(strings.Trim(quote(s), `"`))) {
				lost++
				report(t, lost, "lost %q\nin  %s\nout %s", s, e.record, out)
			}
		}
	}
	t.Logf("%d events: recall %.2f %% of %d secrets, kept %.2f %% of %d words", events,
		100*float64(secrets-leaked)/float64(secrets), secrets, 100*float64(kept-lost)/float64(kept), kept)
}

// report shows the first few of many failures.
func report(t *testing.T, n int, format string, args ...any) {
	t.Helper()
	if n <= 3 {
		t.Errorf(format, args...)
	}
}
