package mask

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// hide masks a text that stands in a record and returns what became of it.
func hide(t testing.TB, m *Masker, text string) string {
	t.Helper()
	record := append(jsonscan.AppendQuoted([]byte(`{"http_request":{"body":`), []byte(text)), "}}"...)
	res := m.Mask(record)
	var out struct {
		Request struct{ Body string } `json:"http_request"`
	}
	if err := json.Unmarshal(res.Bytes, &out); err != nil {
		t.Fatalf("masked %s to what is no JSON: %s", record, res.Bytes)
	}
	return out.Request.Body
}

func TestSecretsInsideTexts(t *testing.T) {
	m := Builtin().NewMasker()
	for name, tt := range map[string]struct{ in, want string }{
		"JSON":                       {`{"user":"ops","password":"hunter2"}`, `{"user":"ops","password":"[REDACTED:names]"}`},
		"JSON with blanks around":    {"\n {\"password\": \"hunter2\"} ", "\n {\"password\": \"[REDACTED:names]\"} "},
		"JSON in JSON":               {`{"a":"{\"password\":\"hunter2\"}"}`, `{"a":"{\"password\":\"[REDACTED:names]\"}"}`},
		"a JSON string":              {`"a7ee-0123456789abcdef"`, `"[REDACTED:gateway-token]"`},
		"a plugin in JSON":           {`{"key-auth":{"key":"k"}}`, `{"key-auth":{"key":"[REDACTED:plugins]"}}`},
		"JSON that was cut":          {`{"user":"ops","password":"hun`, `{"user":"ops","password": "[REDACTED:names]"`},
		"JSON cut in a plugin":       {`{"plugins":{"key-auth":{"key":"abc`, `{"plugins":{"key-auth":{"key": "[REDACTED:plugins]"`},
		"JSON that is broken":        {`{"a":1,,"password":"hunter2","key":"abc"}`, `{"a":1,,"password":"[REDACTED:names]","key":"[REDACTED:plugins]"}`},
		"two JSON values":            {`{"password":"a"}{"password":"b"}`, `{"password":"[REDACTED:names]"}{"password":"[REDACTED:names]"}`},
		"JSON in a sentence":         {`got {"key-auth":{"key":"k"},"n":1} back`, `got {"key-auth":{"key":"[REDACTED:plugins]"},"n":1} back`},
		"escaped JSON in a sentence": {`got {\"password\":\"hunter2\"} back`, `got {\"password\":\"[REDACTED:names]\"} back`},
		"form":                       {"user=ops&password=hunter2&page=1", "user=ops&password=[REDACTED:names]&page=1"},
		"form, last":                 {"user=ops&password=hunter2", "user=ops&password=[REDACTED:names]"},
		"form, encoded key":          {"p%61ssword=hunter2&x=1", "p%61ssword=[REDACTED:names]&x=1"},
		"form with brackets":         {"user[password]=hunter2&x=1", "user[password]=[REDACTED:names]&x=1"},
		"query":                      {"/api/x?token=abc&page=2", "/api/x?token=[REDACTED:names]&page=2"},
		"query and fragment":         {"https://h/cb#access_token=abc&state=1", "https://h/cb#access_token=[REDACTED:names]&state=1"},
		"URL in a query":             {"/r?to=https%3A%2F%2Fu%3Apw%40h%2F&x=1", "/r?to=[REDACTED:userinfo]&x=1"},
		"query in a query":           {"/r?to=%2Fx%3Ftoken%3Dabc&x=1", "/r?to=[REDACTED:names]&x=1"},
		"encoded twice":              {"/r?to=%252Fx%253Ftoken%253Dabc", "/r?to=[REDACTED:names]"},
		"userinfo":                   {"postgres://api7ee:changeme@db:5432/x", "postgres://[REDACTED:userinfo]@db:5432/x"},
		"userinfo without user":      {"redis://:pa/ss@cache:6379", "redis://[REDACTED:userinfo]@cache:6379"},
		"userinfo, a token":          {"https://sometoken@git.example.com/a", "https://[REDACTED:userinfo]@git.example.com/a"},
		"userinfo of a driver":       {"root:pw@tcp(db:3306)/x", "[REDACTED:userinfo]@tcp(db:3306)/x"},
		"connection string":          {"Server=db;User Id=sa;Password=a,b;Database=x", "Server=db;User Id=sa;Password=[REDACTED:names];Database=x"},
		"cookie":                     {"lang=en; access_token=abc; theme=dark", "lang=en; access_token=[REDACTED:names]; theme=dark"},
		"header":                     {"Authorization: Digest username=a, response=b", "Authorization: [REDACTED:credentials]"},
		"headers":                    {"Host: a\r\nX-API-KEY: abc\r\nAccept: */*", "Host: a\r\nX-API-KEY: [REDACTED:names]\r\nAccept: */*"},
		"set-cookie":                 {"Set-Cookie: sid=abc; Path=/; HttpOnly", "Set-Cookie: [REDACTED:credentials]"},
		"environment":                {"PATH=/bin\nDB_PASSWORD=correct horse\nX=1", "PATH=/bin\nDB_PASSWORD=[REDACTED:names]\nX=1"},
		"YAML":                       {"user: ops\npassword: hunter2 and more\nport: 1", "user: ops\npassword: [REDACTED:names]\nport: 1"},
		"YAML with quotes":           {"a: b\npassword: \"hunter2\"\n", "a: b\npassword: \"[REDACTED:names]\"\n"},
		"flag":                       {"run --user=ops --password=hunter2 --page=1", "run --user=ops --password=[REDACTED:names] --page=1"},
		"Go":                         {`token := "abc"`, `token := "[REDACTED:names]"`},
		"PHP":                        {`'password' => 'abc',`, `'password' => '[REDACTED:names]',`},
		"XML":                        {`<a><user>ops</user><password>hunter2</password></a>`, `<a><user>ops</user><password>[REDACTED:names]</password></a>`},
		"Lua":                        {`local secret = "abc"; return 1`, `local secret = "[REDACTED:names]"; return 1`},
		"multipart":                  {"--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nhunter2\r\n--b--", "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n[REDACTED:names]\r\n--b--"},
		"base64 of a form":           {"x " + base64.StdEncoding.EncodeToString([]byte("user=ops&password=hunter2")), "x [REDACTED:names]"},
		"base64 of JSON":             {base64.RawURLEncoding.EncodeToString([]byte(`{"user":"ops","password":"hunter2"}`)), "[REDACTED:names]"},
		"base64 of base64":           {base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte("user=ops&password=hunter2")))), "[REDACTED:names]"},
		"base64 in a path":           {"/cb/" + base64.RawURLEncoding.EncodeToString([]byte("user=ops&password=hunter2")), "/cb/[REDACTED:names]"},
		"base64 over lines":          {wrap(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("filler ", 12)+"password=hunter2")), 76), "[REDACTED:names]"},
		"base64 in a form":           {"a=1&b=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("password=hunter2 & more"))), "a=1&b=[REDACTED:names]"},
		"bearer":                     {"sent Bearer abc123def456 to x", "sent Bearer [REDACTED:auth-scheme] to x"},
		"bearer, encoded":            {"h=Bearer%20abc123def456&x=1", "h=[REDACTED:auth-scheme]&x=1"},
		"basic":                      {"Basic b3BzOmh1bnRlcjI=", "Basic [REDACTED:auth-scheme]"},
		"private key":                {"x -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- y", "x [REDACTED:private-key] y"},
		"private key, escaped":       {`-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n`, `[REDACTED:private-key]\n`},
		"private key, cut":           {"-----BEGIN EC PRIVATE KEY-----\nMII", "[REDACTED:private-key]"},
		"message, quoted value":      {`invalid token "abc": not found`, `invalid token "[REDACTED:names]": not found`},
		"message, password is":       {`password 'hunter2' does not match`, `password '[REDACTED:names]' does not match`},
		"message of a schema":        {`property "password" validation failed: failed to match pattern "^[a-z]+$" with "Hunter2"`, `property "password" validation failed: failed to match pattern "[REDACTED:names]" with "[REDACTED:names]"`},
		"message about a plugin":     {`failed to check the configuration of plugin key-auth err: property "key" validation failed: expected string, got "abc"`, `failed to check the configuration of plugin key-auth err: property "key" validation failed: expected string, got "[REDACTED:plugins]"`},
		"message with a colon":       {"Invalid API key: abc, try again", "Invalid API key: [REDACTED:names], try again"},
		"message, other value":       {`no permission for service "httpbin": invalid token`, `no permission for service "httpbin": invalid token`},
		"message, name of a token":   {`the token name "ci" is taken`, `the token name "ci" is taken`},
	} {
		t.Run(name, func(t *testing.T) {
			got := hide(t, m, tt.in)
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if again := hide(t, m, got); again != got {
				t.Errorf("masked again: %s\nwas           %s", again, got)
			}
		})
	}
}

// wrap breaks text into lines of n characters.
func wrap(text string, n int) string {
	var out strings.Builder
	for len(text) > n {
		out.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	return out.String() + text
}
