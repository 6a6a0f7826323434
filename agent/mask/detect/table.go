package detect

// Table lists the detectors. A new one is a row here and nowhere else; rules
// find it by its name, and those of vendors in the group "vendors", which the
// built-in rules use. Sources: the vendors' own descriptions of their formats.
var Table = [...]Row{
	// the gateway's own tokens, and what is common to all products
	{
		Name:   "a7ee",
		Tokens: []Token{{"a7ee-", urls, 16, false}, {"a7ee.", urls, 16, false}},
		Finds:  []string{"use «a7ee-{40}»", "«a7ee.{16}»"},
		Keeps:  []string{"a7ee-short", "xa7ee-{40}"},
	},
	{
		Name: "jwt", Needs: []string{"eyJ"}, Find: findJWT,
		Finds: []string{"token «eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{20}» sent"},
		Keeps: []string{"eyJhbGciOiJIUzI1NiJ9", "keyJa.b.c"},
	},
	{
		Name: "pem", Needs: []string{"--BEGIN"}, Find: findPEM,
		Finds: []string{"x «-----BEGIN RSA PRIVATE KEY-----\n{40}\n-----END RSA PRIVATE KEY-----» y", "«-----BEGIN PRIVATE KEY-----\n{40}»"},
		Keeps: []string{"-----BEGIN CERTIFICATE-----\n{40}\n-----END CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----"},
	},
	{
		Name: "bearer", Needs: []string{"rer", "RER"}, Find: findBearer,
		Finds: []string{"sent Bearer «abc123def456» to x", "BEARER «{40}»"},
		Keeps: []string{"Bearer authentication is required", "bearer of news"},
	},
	{
		Name: "basic", Needs: []string{"asic", "ASIC"}, Find: findBasic,
		Finds: []string{"Basic «b3BzOmh1bnRlcjI=»"},
		Keeps: []string{"Basic authentication", "basic needs"},
	},
	{
		Name: "userinfo", Needs: []string{"://", "@tcp(", "@unix("}, Find: findUserinfo,
		Finds: []string{"postgres://«api7ee:changeme»@db:5432/x", "«root:pw»@tcp(db:3306)/x"},
		Keeps: []string{"https://example.com/a@b", "mailto:ops@example.com"},
	},

	// tokens of vendors
	{
		Name: "aws", Vendor: true,
		Tokens: []Token{{"AKIA", alnum, 16, false}, {"ASIA", alnum, 16, false}, {"ABIA", alnum, 16, false}, {"ACCA", alnum, 16, false}},
		Finds:  []string{"id «AKIA{U16}»", "«ASIA{U16}»"},
		Keeps:  []string{"AKIA", "MAKIA{U16}", "ASIA PACIFIC"},
	},
	{
		Name: "gcp", Vendor: true,
		Tokens: []Token{{"AIza", urls, 35, false}, {"ya29.", dotted, 20, false}, {"GOCSPX-", urls, 20, false}},
		Finds:  []string{"«AIza{35}»", "«ya29.{40}»", "«GOCSPX-{28}»"},
		Keeps:  []string{"AIza{10}", "ya29.x"},
	},
	{
		Name: "github", Vendor: true,
		Tokens: []Token{{"ghp_", alnum, 30, false}, {"gho_", alnum, 30, false}, {"ghu_", alnum, 30, false}, {"ghs_", alnum, 30, false}, {"ghr_", alnum, 30, false}, {"github_pat_", urls, 22, false}},
		Finds:  []string{"«ghp_{36}»", "«github_pat_{22}_{59}»"},
		Keeps:  []string{"ghp_{10}", "github_pat_x"},
	},
	{
		Name: "gitlab", Vendor: true,
		Tokens: []Token{
			{"glpat-", dotted, 20, false}, {"gldt-", dotted, 20, false}, {"glrt-", dotted, 20, false},
			{"glptt-", dotted, 20, false}, {"glcbt-", dotted, 20, false}, {"glsoat-", dotted, 20, false},
		},
		Finds: []string{"«glpat-{20}»", "«glrt-{20}»"},
		Keeps: []string{"glpat-{10}"},
	},
	{
		Name: "slack", Vendor: true,
		Tokens: []Token{
			{"xoxb-", urls, 10, true}, {"xoxp-", urls, 10, true}, {"xoxa-", urls, 10, true},
			{"xoxr-", urls, 10, true}, {"xoxs-", urls, 10, true}, {"xoxe-", urls, 10, true},
			{"xoxe.", dotted, 10, true}, {"xapp-", urls, 10, true}, {"hooks.slack.com/services/", creds, 10, false},
		},
		Finds: []string{"«xoxb-{d12}-{24}»", "https://«hooks.slack.com/services/T{U8}/B{U8}/{24}»"},
		Keeps: []string{"xoxb-short", "https://hooks.slack.com/"},
	},
	{
		Name: "stripe", Vendor: true,
		Tokens: []Token{
			{"sk_live_", alnum, 10, false}, {"sk_test_", alnum, 10, false}, {"rk_live_", alnum, 10, false},
			{"rk_test_", alnum, 10, false}, {"whsec_", padded, 20, false},
		},
		Finds: []string{"«sk_live_{24}»", "«whsec_{32}»"},
		Keeps: []string{"sk_live_x", "task_live_{24}"},
	},
	{
		Name: "openai", Vendor: true,
		Tokens: []Token{{"sk-", urls, 20, true}},
		Finds:  []string{"«sk-{40}»", "«sk-proj-{40}»"},
		Keeps:  []string{"task-{40}", "sk-only-words-and-dashes-here"},
	},
	{
		Name: "anthropic", Vendor: true,
		Tokens: []Token{{"sk-ant-", urls, 20, false}},
		Finds:  []string{"«sk-ant-api03-{40}»"},
		Keeps:  []string{"sk-ant-x"},
	},
	{
		Name: "vault", Vendor: true,
		Tokens: []Token{{"hvs.", urls, 20, false}, {"hvb.", urls, 20, false}, {"hvr.", urls, 20, false}},
		Finds:  []string{"«hvs.{24}»", "«hvb.{40}»"},
		Keeps:  []string{"hvs.example.com"},
	},
	{
		Name: "npm", Vendor: true,
		Tokens: []Token{{"npm_", alnum, 36, false}},
		Finds:  []string{"«npm_{36}»"},
		Keeps:  []string{"npm_config_registry"},
	},
	{
		Name: "sendgrid", Vendor: true,
		Tokens: []Token{{"SG.", dotted, 40, false}},
		Finds:  []string{"«SG.{22}.{43}»"},
		Keeps:  []string{"SG.example.com"},
	},
	{
		Name: "databricks", Vendor: true,
		Tokens: []Token{{"dapi", alnum, 32, true}},
		Finds:  []string{"«dapi{h32}»"},
		Keeps:  []string{"dapi{10}", "dapisomelongwordwithoutanydigitsinit"},
	},
	{
		Name: "digitalocean", Vendor: true,
		Tokens: []Token{{"dop_v1_", alnum, 60, false}, {"doo_v1_", alnum, 60, false}, {"dor_v1_", alnum, 60, false}},
		Finds:  []string{"«dop_v1_{h64}»"},
		Keeps:  []string{"dop_v1_{h20}"},
	},

	// personal data
	{
		Name: "pan", Digits: 13, Find: findPAN,
		Finds: []string{"card «4111 1111 1111 1111» of", "«5500000000000004»"},
		Keeps: []string{"4111111111111112", "x4111111111111111", "1795143845002"},
	},
	{
		Name: "iban", Digits: 8, Find: findIBAN,
		Finds: []string{"to «DE89370400440532013000» now", "«GB82 WEST 1234 5698 7654 32»"},
		Keeps: []string{"DE88370400440532013000"},
	},
	{
		Name: "email", Needs: []string{"@"}, Find: findEmail,
		Finds: []string{"ask «ops@example.com».", "«müller@example.org»"},
		Keeps: []string{"ops@localhost", "@example.com"},
	},
	{
		Name: "phone", Needs: []string{"+"}, Find: findPhone,
		Finds: []string{"call «+49 30 123456789»"},
		Keeps: []string{"1+1=2", "+0123456789"},
	},
	{
		Name: "ip", Needs: []string{".", ":"}, Find: findIP,
		Finds: []string{"from «10.1.2.3»:80", "«2001:db8::1»"},
		Keeps: []string{"version 1.2.3", "10:30"},
	},
}
