package names

import (
	"slices"
	"testing"

	"github.com/auditship/auditship/agent/mask/rule"
)

func TestWords(t *testing.T) {
	for key, want := range map[string][]string{
		"X-API-KEY": {"x", "api", "key"}, "xApiKey": {"x", "api", "key"}, "APIKey": {"api", "key"}, "password2": {"password2"},
		"ｐａｓｓｗｏｒｄ": {"password"}, "pass\u200bword": {"password"}, "pаsswоrd": {"password"}, "пароль": {"пароль"},
		"p a s s w o r d": {"password"}, "x_a_b_y": {"x", "a", "b", "y"}, "用户密码": {"用户密码"}, "": nil, "--": nil,
	} {
		if got := Words(key); !slices.Equal(got, want) {
			t.Errorf("%q is %q, want %q", key, got, want)
		}
	}
}

func TestPatterns(t *testing.T) {
	var p Patterns
	for _, entry := range []string{"api?key", "secret", "*_pass", "密码", "token"} {
		p.Add(entry, 1, false)
	}
	p.Add("auth", 2, true)
	for key, want := range map[string]rule.ID{
		"X-API-KEY": 1, "apikey": 1, "clientSecret": 1, "db_pass": 1, "管理员密码": 1, "authtoken": 1, "tokens": 1, "auth": 2, "AUTH": 2,
		"secretary": rule.None, "token_name": rule.None, "secretRef": rule.None, "token-file": rule.None, "x-auth-mode": rule.None,
		"auth_type": rule.None, "tokenizer": rule.None, "密码策略": rule.None,
	} {
		got := rule.None
		if hits := p.Hits(Words(key)); len(hits) > 0 {
			got = hits[0].Rule
		}
		if got != want {
			t.Errorf("%s: rule %d, want %d", key, got, want)
		}
	}
}

func TestRolesAndValues(t *testing.T) {
	for key, want := range map[string]Role{"name": Name, "headerName": Name, "value": Value, "stringData": Value, "config": Config, "path": Pointer, "uri": Address, "kty": Kind, "desc": NoRole} {
		if got := RoleOf(Words(key)); got != want {
			t.Errorf("%s has role %d, want %d", key, got, want)
		}
	}
	for value, want := range map[string][2]bool{ // a state, a word
		"enabled": {true, true}, "Basic": {true, true}, "prod": {false, true}, "gateway-eu": {false, true}, "$remote_addr": {false, true},
		"no-cache, no-store": {false, true}, "Sunny Day 42": {false, false}, "Qz7K0001vNpL": {false, false}, "aaaaaaaaaaaaaaaaaaaaaaaa": {false, false},
	} {
		if got := [2]bool{IsState([]byte(value)), IsWord([]byte(value))}; got != want {
			t.Errorf("%q is %v, want %v", value, got, want)
		}
	}
}
