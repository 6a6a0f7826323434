package mask

import "testing"

func TestMask(t *testing.T) {
	m := Builtin().NewMasker()
	for name, tt := range map[string]struct{ in, want string }{
		"nothing to do": {`{"id":"1","a":"b"}`, `{"id":"1","a":"b"}`},
		"key name":      {`{"password": "x", "n":1}`, `{"password": "[REDACTED:names]", "n":1}`},
		"path":          {`{"http_request":{"body":{"plugins":{"key-auth":{"key":"abc","header":"x"}}}}}`, `{"http_request":{"body":{"plugins":{"key-auth":{"key":"[REDACTED:plugins]","header":"x"}}}}}`},
		"token":         {`{"x":"see a7ee-0123456789abcdef0123"}`, `{"x":"see [REDACTED:gateway-token]"}`},
		"bearer":        {`{"x":"Bearer abc123def456"}`, `{"x":"Bearer [REDACTED:auth-scheme]"}`},
		"container":     {`{"secret":{"a":[1,"b",null,true]}}`, `{"secret":{"a":["[REDACTED:names]","[REDACTED:names]",null,true]}}`},
		"identity":      {`{"id":"a7ee-0123456789abcdef0123"}`, `{"id":"a7ee-0123456789abcdef0123"}`},
		"token_name":    {`{"token_name":"ci"}`, `{"token_name":"ci"}`},
	} {
		t.Run(name, func(t *testing.T) {
			res := m.Mask([]byte(tt.in))
			if string(res.Bytes) != tt.want {
				t.Errorf("got  %s\nwant %s", res.Bytes, tt.want)
			}
		})
	}
}
