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
		Name: "userinfo", Needs: []string{"://", "@"}, Find: findUserinfo,
		Finds: []string{"postgres://«api7ee:changeme»@db:5432/x", "«root:pw»@tcp(db:3306)/x", "«root:pw»@/x", "jdbc:oracle:thin:«scott/tiger»@//db:1521/x"},
		Keeps: []string{"https://example.com/a@b", "mailto:ops@example.com"},
	},

	{
		Name: "apikey", Needs: []string{"ikey ", "iKey ", "IKEY ", "oken ", "OKEN "}, Find: findKeyScheme,
		Finds: []string{"Authorization: ApiKey «{40}»", "Token «{h40}»"},
		Keeps: []string{"apikey is missing", "token expired", "Token authentication"},
	},
	{
		Name: "der", Needs: derStarts, Find: findDER,
		Finds: []string{
			"«MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg{40}»", "key «MC4CAQAwBQYDK2VwBCIEI{43}» end",
			"«MIIEpAIBAAKCAQEA{80}»", "«MHcCAQEEI{80}»", "«MIIFHDBOBgkqhkiG9w0BBQ0wQTApBgkqhkiG9w0BBQww{80}»", "«MIIJqQIBAzCCCW8GCSqGSIb3DQEHAaCC{80}»",
			"«b3BlbnNzaC1rZXktdjEAAAAA{80}»",
		},
		Keeps: []string{"MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUF{80}", "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA{80}", "MIIX", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE{80}"},
	},
	{
		Name: "putty", Needs: []string{"PuTTY-User-Key-File-"}, Find: findPuTTY,
		Finds: []string{"«PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 1\n{40}\nPrivate-MAC: {h40}» x", "«PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 1\n{40}»"},
		Keeps: []string{"a PuTTY key"},
	},
	{
		Name: "password-hash", Needs: hashStarts, Find: findHash,
		Finds: []string{"jack:«$2y$10$ab{51}»", "«$argon2id$v=19$m=65536,t=3,p=4${22}${43}»", "a:«$apr1$abcdefgh${22}»", "x «$6$rounds=5000$saltsalt${86}» y", "u:«{SHA}{27}=»"},
		Keeps: []string{"$1$2", "/a/$1", "$2a$", "price $5$ or $6$"},
	},
	{
		Name: "webhook", Needs: webhooks, Find: findWebhook,
		Finds: []string{
			"https://hooks.slack.com/services/«T{U8}/B{U8}/{24}»", "https://open.feishu.cn/open-apis/bot/v2/hook/«{h32}»", "https://discord.com/api/webhooks/«{d18}/{60}» now",
			"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=«{h32}»", "https://x.webhook.office.com/webhookb2/«{h32}@{h32}/IncomingWebhook/{h32}/{h32}»",
		},
		Keeps: []string{"https://hooks.slack.com/", "https://discord.com/channels/1/2", "see webhook docs"},
	},
	{
		Name: "link", Needs: links, Find: findLink,
		Finds: []string{"open https://x.example.com/reset-password/«{40}» now", "/api/invites/«{18}»/accept", "/verify-email/«{h40}»"},
		Keeps: []string{"/api/invites/list", "/api/users/{18}/password_reset", "/reset-password/", "please verify a1b2c3d4e5f6a7b8c9d0"},
	},
	{
		Name: "url-part", Needs: []string{"://"}, Find: findURLPart,
		Finds: []string{"https://logs.example.com/ingest/«{18}»/json", "http://h:1/«{40}»?x=1"},
		Keeps: []string{"https://logs.example.com/ingest/v2/json", "http://h/some-long-and-harmless-path-segment"},
	},

	// tokens of vendors
	{
		Name: "1password", Vendor: true, Finds: []string{"«ops_eyJ{100}»", "«A3-{U20}»"}, Keeps: []string{"ops_eyJ{5}", "xops_eyJ{99}"},
		Tokens: []Token{{"ops_eyJ", padded, 100, false}, {"A3-", capdash, 20, true}},
	},
	{
		Name: "adobe", Vendor: true, Finds: []string{"«p8e-{30}»"}, Keeps: []string{"p8e-{5}", "xp8e-{99}"},
		Tokens: []Token{{"p8e-", alnum, 30, false}},
	},
	{
		Name: "age", Vendor: true, Finds: []string{"«AGE-SECRET-KEY-1{50}»"}, Keeps: []string{"AGE-SECRET-KEY-1{5}", "xAGE-SECRET-KEY-1{99}"},
		Tokens: []Token{{"AGE-SECRET-KEY-1", alnum, 50, false}},
	},
	{
		Name: "airtable", Vendor: true, Finds: []string{"«pat{75}»"}, Keeps: []string{"pat{5}", "xpat{99}"},
		Tokens: []Token{{"pat", dotted, 75, true}},
	},
	{
		Name: "alibaba", Vendor: true, Finds: []string{"«LTAI{16}»"}, Keeps: []string{"LTAI{5}", "xLTAI{99}"},
		Tokens: []Token{{"LTAI", alnum, 16, false}},
	},
	{
		Name: "anthropic", Vendor: true, Finds: []string{"«sk-ant-{20}»"}, Keeps: []string{"sk-ant-{5}", "xsk-ant-{99}"},
		Tokens: []Token{{"sk-ant-", urls, 20, false}},
	},
	{
		Name: "artifactory", Vendor: true, Finds: []string{"«AKCp{50}»", "«cmVmd{55}»"}, Keeps: []string{"AKCp{5}", "xAKCp{99}"},
		Tokens: []Token{{"AKCp", alnum, 50, false}, {"cmVmd", alnum, 55, false}},
	},
	{
		Name: "atlassian", Vendor: true, Finds: []string{"«ATATT3{60}»", "«ATCTT3{60}»"}, Keeps: []string{"ATATT3{5}", "xATATT3{99}"},
		Tokens: []Token{{"ATATT3", wide, 60, false}, {"ATCTT3", wide, 60, false}, {"ATBB", alnum, 24, true}},
	},
	{
		Name: "authress", Vendor: true, Finds: []string{"«authress_{40}»", "«scauth_{40}»"}, Keeps: []string{"authress_{5}", "xauthress_{99}"},
		Tokens: []Token{{"authress_", dotted, 40, false}, {"scauth_", dotted, 40, false}},
	},
	{
		Name: "aws", Vendor: true, Finds: []string{"«AKIA{16}»", "«ASIA{16}»"}, Keeps: []string{"AKIA{5}", "xAKIA{99}"},
		Tokens: []Token{{"AKIA", alnum, 16, false}, {"ASIA", alnum, 16, false}, {"ABIA", alnum, 16, false}, {"ACCA", alnum, 16, false}, {"ABSK", padded, 100, false}, {"bedrock-api-key-", creds, 20, false}},
	},
	{
		Name: "buildkite", Vendor: true, Finds: []string{"«bkua_{36}»", "«bkat_{30}»"}, Keeps: []string{"bkua_{5}", "xbkua_{99}"},
		Tokens: []Token{{"bkua_", alnum, 36, false}, {"bkat_", alnum, 30, false}},
	},
	{
		Name: "cerebras", Vendor: true, Finds: []string{"«csk-{40}»"}, Keeps: []string{"csk-{5}", "xcsk-{99}"},
		Tokens: []Token{{"csk-", alnum, 40, false}},
	},
	{
		Name: "checkout", Vendor: true, Finds: []string{"«sk_sbox_{20}»"}, Keeps: []string{"sk_sbox_{5}", "xsk_sbox_{99}"},
		Tokens: []Token{{"sk_sbox_", alnum, 20, false}},
	},
	{
		Name: "circleci", Vendor: true, Finds: []string{"«CCIPAT_{40}»", "«CCIPRJ_{40}»"}, Keeps: []string{"CCIPAT_{5}", "xCCIPAT_{99}"},
		Tokens: []Token{{"CCIPAT_", dotted, 40, false}, {"CCIPRJ_", dotted, 40, false}},
	},
	{
		Name: "clickhouse", Vendor: true, Finds: []string{"«4b1d{38}»"}, Keeps: []string{"4b1d{5}", "x4b1d{99}"},
		Tokens: []Token{{"4b1d", alnum, 38, false}},
	},
	{
		Name: "clojars", Vendor: true, Finds: []string{"«CLOJARS_{50}»"}, Keeps: []string{"CLOJARS_{5}", "xCLOJARS_{99}"},
		Tokens: []Token{{"CLOJARS_", alnum, 50, false}},
	},
	{
		Name: "cloudflare", Vendor: true, Finds: []string{"«v1.0-{h24}-{h146}»"}, Keeps: []string{"v1.0-beta", "v1.0-{h40}"},
		Tokens: []Token{{"v1.0-", dashedhex, 150, false}},
	},
	{
		Name: "contentful", Vendor: true, Finds: []string{"«CFPAT-{40}»"}, Keeps: []string{"CFPAT-{5}", "xCFPAT-{99}"},
		Tokens: []Token{{"CFPAT-", urls, 40, false}},
	},
	{
		Name: "crates", Vendor: true, Finds: []string{"«cio{32}»"}, Keeps: []string{"cio{5}", "xcio{99}"},
		Tokens: []Token{{"cio", alnum, 32, true}},
	},
	{
		Name: "databricks", Vendor: true, Finds: []string{"«dapi{32}»"}, Keeps: []string{"dapi{5}", "xdapi{99}"},
		Tokens: []Token{{"dapi", alnum, 32, true}},
	},
	{
		Name: "defined", Vendor: true, Finds: []string{"«dnkey-{60}»"}, Keeps: []string{"dnkey-{5}", "xdnkey-{99}"},
		Tokens: []Token{{"dnkey-", wide, 60, false}},
	},
	{
		Name: "digitalocean", Vendor: true, Finds: []string{"«dop_v1_{60}»", "«doo_v1_{60}»"}, Keeps: []string{"dop_v1_{5}", "xdop_v1_{99}"},
		Tokens: []Token{{"dop_v1_", alnum, 60, false}, {"doo_v1_", alnum, 60, false}, {"dor_v1_", alnum, 60, false}},
	},
	{
		Name: "docker", Vendor: true, Finds: []string{"«dckr_pat_{20}»", "«dckr_oat_{20}»"}, Keeps: []string{"dckr_pat_{5}", "xdckr_pat_{99}"},
		Tokens: []Token{{"dckr_pat_", urls, 20, false}, {"dckr_oat_", urls, 20, false}},
	},
	{
		Name: "doppler", Vendor: true, Finds: []string{"«dp.pt.{40}»", "«dp.st.{40}»"}, Keeps: []string{"dp.pt.{5}", "xdp.pt.{99}"},
		Tokens: []Token{{"dp.pt.", alnum, 40, false}, {"dp.st.", dotted, 40, false}, {"dp.ct.", alnum, 40, false}, {"dp.sa.", alnum, 40, false}, {"dp.scim.", alnum, 40, false}, {"dp.audit.", alnum, 40, false}},
	},
	{
		Name: "duffel", Vendor: true, Finds: []string{"«duffel_test_{40}»", "«duffel_live_{40}»"}, Keeps: []string{"duffel_test_{5}", "xduffel_test_{99}"},
		Tokens: []Token{{"duffel_test_", wide, 40, false}, {"duffel_live_", wide, 40, false}},
	},
	{
		Name: "dynatrace", Vendor: true, Finds: []string{"«dt0c01.{60}»", "«dt0s01.{60}»"}, Keeps: []string{"dt0c01.{5}", "xdt0c01.{99}"},
		Tokens: []Token{{"dt0c01.", dotted, 60, false}, {"dt0s01.", dotted, 60, false}, {"dt0s02.", dotted, 60, false}},
	},
	{
		Name: "easypost", Vendor: true, Finds: []string{"«EZAK{50}»", "«EZTK{50}»"}, Keeps: []string{"EZAK{5}", "xEZAK{99}"},
		Tokens: []Token{{"EZAK", alnum, 50, false}, {"EZTK", alnum, 50, false}},
	},
	{
		Name: "elastic", Vendor: true, Finds: []string{"«essu_{40}»"}, Keeps: []string{"essu_{5}", "xessu_{99}"},
		Tokens: []Token{{"essu_", padded, 40, false}},
	},
	{
		Name: "facebook", Vendor: true, Finds: []string{"«EAAM{90}»", "«EAAC{90}»"}, Keeps: []string{"EAAM{5}", "xEAAM{99}"},
		Tokens: []Token{{"EAAM", alnum, 90, false}, {"EAAC", alnum, 90, false}, {"EAAG", alnum, 90, false}},
	},
	{
		Name: "figma", Vendor: true, Finds: []string{"«figd_{36}»"}, Keeps: []string{"figd_{5}", "xfigd_{99}"},
		Tokens: []Token{{"figd_", urls, 36, false}},
	},
	{
		Name: "firecrawl", Vendor: true, Finds: []string{"«fc-{h32}»"}, Keeps: []string{"fc-{5}", "xfc-{99}"},
		Tokens: []Token{{"fc-", hexs, 32, false}},
	},
	{
		Name: "flutterwave", Vendor: true, Finds: []string{"«FLWSECK_TEST-{12}»", "«FLWSECK-{30}»"}, Keeps: []string{"FLWSECK_TEST-{5}", "xFLWSECK_TEST-{99}"},
		Tokens: []Token{{"FLWSECK_TEST-", urls, 12, false}, {"FLWSECK-", urls, 30, false}},
	},
	{
		Name: "fly", Vendor: true, Finds: []string{"«fo1_{40}»", "«fm1a_{90}»"}, Keeps: []string{"fo1_{5}", "xfo1_{99}"},
		Tokens: []Token{{"fo1_", urls, 40, false}, {"fm1a_", padded, 90, false}, {"fm1r_", padded, 90, false}, {"fm2_", padded, 90, false}},
	},
	{
		Name: "frameio", Vendor: true, Finds: []string{"«fio-u-{60}»"}, Keeps: []string{"fio-u-{5}", "xfio-u-{99}"},
		Tokens: []Token{{"fio-u-", wide, 60, false}},
	},
	{
		Name: "gcp", Vendor: true, Finds: []string{"«AIza{35}»", "«ya29.{20}»"}, Keeps: []string{"AIza{5}", "xAIza{99}"},
		Tokens: []Token{{"AIza", urls, 35, false}, {"ya29.", dotted, 20, false}, {"GOCSPX-", urls, 20, false}},
	},
	{
		Name: "github", Vendor: true, Finds: []string{"«ghp_{30}»", "«gho_{30}»"}, Keeps: []string{"ghp_{5}", "xghp_{99}"},
		Tokens: []Token{{"ghp_", alnum, 30, false}, {"gho_", alnum, 30, false}, {"ghu_", alnum, 30, false}, {"ghs_", alnum, 30, false}, {"ghr_", alnum, 30, false}, {"github_pat_", urls, 22, false}},
	},
	{
		Name: "gitlab", Vendor: true, Finds: []string{"«glpat-{20}»", "«gldt-{20}»"}, Keeps: []string{"glpat-{5}", "xglpat-{99}"},
		Tokens: []Token{{"glpat-", dotted, 20, false}, {"gldt-", dotted, 20, false}, {"glrt-", dotted, 20, false}, {"glptt-", dotted, 20, false}, {"glcbt-", dotted, 20, false}, {"glsoat-", dotted, 20, false}, {"glffct-", dotted, 20, false}, {"glft-", dotted, 20, false}, {"glimt-", dotted, 20, false}, {"glagent-", dotted, 20, false}, {"gloas-", dotted, 20, false}, {"GR1348941", urls, 20, false}},
	},
	{
		Name: "grafana", Vendor: true, Finds: []string{"«glc_{32}»", "«glsa_{32}»"}, Keeps: []string{"glc_{5}", "xglc_{99}"},
		Tokens: []Token{{"glc_", padded, 32, false}, {"glsa_", urls, 32, false}, {"eyJrIjoi", padded, 60, false}},
	},
	{
		Name: "groq", Vendor: true, Finds: []string{"«gsk_{40}»"}, Keeps: []string{"gsk_{5}", "xgsk_{99}"},
		Tokens: []Token{{"gsk_", alnum, 40, false}},
	},
	{
		Name: "harness", Vendor: true, Finds: []string{"«pat.{60}»", "«sat.{60}»"}, Keeps: []string{"pat.{5}", "xpat.{99}"},
		Tokens: []Token{{"pat.", dotted, 60, true}, {"sat.", dotted, 60, true}},
	},
	{
		Name: "heroku", Vendor: true, Finds: []string{"«HRKU-{36}»"}, Keeps: []string{"HRKU-{5}", "xHRKU-{99}"},
		Tokens: []Token{{"HRKU-", urls, 36, false}},
	},
	{
		Name: "huggingface", Vendor: true, Finds: []string{"«hf_{34}»", "«api_org_{34}»"}, Keeps: []string{"hf_{5}", "xhf_{99}"},
		Tokens: []Token{{"hf_", alnum, 34, false}, {"api_org_", alnum, 34, false}},
	},
	{
		Name: "infracost", Vendor: true, Finds: []string{"«ico-{32}»"}, Keeps: []string{"ico-{5}", "xico-{99}"},
		Tokens: []Token{{"ico-", alnum, 32, true}},
	},
	{
		Name: "intra42", Vendor: true, Finds: []string{"«s-s4t2ud-{60}»", "«s-s4t2af-{60}»"}, Keeps: []string{"s-s4t2ud-{5}", "xs-s4t2ud-{99}"},
		Tokens: []Token{{"s-s4t2ud-", alnum, 60, false}, {"s-s4t2af-", alnum, 60, false}},
	},
	{
		Name: "langfuse", Vendor: true, Finds: []string{"«sk-lf-{32}»"}, Keeps: []string{"sk-lf-{5}", "xsk-lf-{99}"},
		Tokens: []Token{{"sk-lf-", urls, 32, false}},
	},
	{
		Name: "langsmith", Vendor: true, Finds: []string{"«lsv2_pt_{32}»", "«lsv2_sk_{32}»"}, Keeps: []string{"lsv2_pt_{5}", "xlsv2_pt_{99}"},
		Tokens: []Token{{"lsv2_pt_", urls, 32, false}, {"lsv2_sk_", urls, 32, false}},
	},
	{
		Name: "launchdarkly", Vendor: true, Finds: []string{"«sdk-{36}»", "«mob-{36}»"}, Keeps: []string{"sdk-{5}", "xsdk-{99}"},
		Tokens: []Token{{"sdk-", urls, 36, true}, {"mob-", urls, 36, true}},
	},
	{
		Name: "linear", Vendor: true, Finds: []string{"«lin_api_{32}»", "«lin_oauth_{32}»"}, Keeps: []string{"lin_api_{5}", "xlin_api_{99}"},
		Tokens: []Token{{"lin_api_", alnum, 32, false}, {"lin_oauth_", alnum, 32, false}},
	},
	{
		Name: "mailgun", Vendor: true, Finds: []string{"«key-{h32}»"}, Keeps: []string{"key-{5}", "xkey-{99}"},
		Tokens: []Token{{"key-", hexs, 32, true}},
	},
	{
		Name: "mapbox", Vendor: true, Finds: []string{"«sk.eyJ{40}»"}, Keeps: []string{"sk.eyJ{5}", "xsk.eyJ{99}"},
		Tokens: []Token{{"sk.eyJ", dotted, 40, false}},
	},
	{
		Name: "mailersend", Vendor: true, Finds: []string{"«mlsn.{60}»"}, Keeps: []string{"mlsn.{5}", "xmlsn.{99}"},
		Tokens: []Token{{"mlsn.", alnum, 60, false}},
	},
	{
		Name: "midtrans", Vendor: true, Finds: []string{"«Mid-server-{20}»", "SB-«Mid-server-{20}»"}, Keeps: []string{"Mid-server-{5}", "xMid-server-{99}"},
		Tokens: []Token{{"Mid-server-", urls, 20, false}},
	},
	{
		Name: "netlify", Vendor: true, Finds: []string{"«nfp_{36}»"}, Keeps: []string{"nfp_{5}", "xnfp_{99}"},
		Tokens: []Token{{"nfp_", alnum, 36, false}},
	},
	{
		Name: "newrelic", Vendor: true, Finds: []string{"«NRAK-{27}»", "«NRII-{32}»"}, Keeps: []string{"NRAK-{5}", "xNRAK-{99}"},
		Tokens: []Token{{"NRAK-", alnum, 27, false}, {"NRII-", urls, 32, false}, {"NRJS-", alnum, 19, false}, {"NRIQ-", urls, 32, false}, {"NRRA-", alnum, 40, false}},
	},
	{
		Name: "notion", Vendor: true, Finds: []string{"«ntn_{40}»", "«secret_{43}»"}, Keeps: []string{"ntn_{5}", "xntn_{99}"},
		Tokens: []Token{{"ntn_", alnum, 40, false}, {"secret_", alnum, 43, false}},
	},
	{
		Name: "npm", Vendor: true, Finds: []string{"«npm_{36}»"}, Keeps: []string{"npm_{5}", "xnpm_{99}"},
		Tokens: []Token{{"npm_", alnum, 36, false}},
	},
	{
		Name: "nvidia", Vendor: true, Finds: []string{"«nvapi-{60}»"}, Keeps: []string{"nvapi-{5}", "xnvapi-{99}"},
		Tokens: []Token{{"nvapi-", urls, 60, false}},
	},
	{
		Name: "octopus", Vendor: true, Finds: []string{"«API-{U26}»"}, Keeps: []string{"API-{5}", "xAPI-{99}"},
		Tokens: []Token{{"API-", capitals, 26, true}},
	},
	{
		Name: "onfido", Vendor: true, Finds: []string{"«api_live.{30}»", "«api_sandbox.{30}»"}, Keeps: []string{"api_live.{5}", "xapi_live.{99}"},
		Tokens: []Token{{"api_live.", dotted, 30, false}, {"api_sandbox.", dotted, 30, false}},
	},
	{
		Name: "openai", Vendor: true, Finds: []string{"«sk-{20}»", "«sess-{40}»"}, Keeps: []string{"sk-{5}", "xsk-{99}"},
		Tokens: []Token{{"sk-", urls, 20, true}, {"sess-", alnum, 40, false}},
	},
	{
		Name: "openrouter", Vendor: true, Finds: []string{"«sk-or-{40}»"}, Keeps: []string{"sk-or-{5}", "xsk-or-{99}"},
		Tokens: []Token{{"sk-or-", urls, 40, false}},
	},
	{
		Name: "openshift", Vendor: true, Finds: []string{"«sha256~{43}»"}, Keeps: []string{"sha256~{5}", "xsha256~{99}"},
		Tokens: []Token{{"sha256~", urls, 43, false}},
	},
	{
		Name: "perplexity", Vendor: true, Finds: []string{"«pplx-{40}»"}, Keeps: []string{"pplx-{5}", "xpplx-{99}"},
		Tokens: []Token{{"pplx-", alnum, 40, false}},
	},
	{
		Name: "pinecone", Vendor: true, Finds: []string{"«pcsk_{40}»"}, Keeps: []string{"pcsk_{5}", "xpcsk_{99}"},
		Tokens: []Token{{"pcsk_", urls, 40, false}},
	},
	{
		Name: "plaid", Vendor: true, Finds: []string{"«access-sandbox-{h36}»", "«access-development-{h36}»"}, Keeps: []string{"access-sandbox-{5}", "xaccess-sandbox-{99}"},
		Tokens: []Token{{"access-sandbox-", dashedhex, 36, false}, {"access-development-", dashedhex, 36, false}, {"access-production-", dashedhex, 36, false}},
	},
	{
		Name: "planetscale", Vendor: true, Finds: []string{"«pscale_tkn_{32}»", "«pscale_oauth_{32}»"}, Keeps: []string{"pscale_tkn_{5}", "xpscale_tkn_{99}"},
		Tokens: []Token{{"pscale_tkn_", wide, 32, false}, {"pscale_oauth_", wide, 32, false}, {"pscale_pw_", wide, 32, false}},
	},
	{
		Name: "postman", Vendor: true, Finds: []string{"«PMAK-{50}»"}, Keeps: []string{"PMAK-{5}", "xPMAK-{99}"},
		Tokens: []Token{{"PMAK-", urls, 50, false}},
	},
	{
		Name: "prefect", Vendor: true, Finds: []string{"«pnu_{36}»", "«pnb_{36}»"}, Keeps: []string{"pnu_{5}", "xpnu_{99}"},
		Tokens: []Token{{"pnu_", alnum, 36, false}, {"pnb_", alnum, 36, false}},
	},
	{
		Name: "pulumi", Vendor: true, Finds: []string{"«pul-{h40}»"}, Keeps: []string{"pul-{5}", "xpul-{99}"},
		Tokens: []Token{{"pul-", hexs, 40, false}},
	},
	{
		Name: "pypi", Vendor: true, Finds: []string{"«pypi-AgE{50}»"}, Keeps: []string{"pypi-AgE{5}", "xpypi-AgE{99}"},
		Tokens: []Token{{"pypi-AgE", urls, 50, false}},
	},
	{
		Name: "razorpay", Vendor: true, Finds: []string{"«rzp_live_{14}»", "«rzp_test_{14}»"}, Keeps: []string{"rzp_live_{5}", "xrzp_live_{99}"},
		Tokens: []Token{{"rzp_live_", alnum, 14, false}, {"rzp_test_", alnum, 14, false}},
	},
	{
		Name: "readme", Vendor: true, Finds: []string{"«rdme_{60}»"}, Keeps: []string{"rdme_{5}", "xrdme_{99}"},
		Tokens: []Token{{"rdme_", alnum, 60, false}},
	},
	{
		Name: "replicate", Vendor: true, Finds: []string{"«r8_{30}»"}, Keeps: []string{"r8_{5}", "xr8_{99}"},
		Tokens: []Token{{"r8_", alnum, 30, false}},
	},
	{
		Name: "rubygems", Vendor: true, Finds: []string{"«rubygems_{40}»"}, Keeps: []string{"rubygems_{5}", "xrubygems_{99}"},
		Tokens: []Token{{"rubygems_", alnum, 40, false}},
	},
	{
		Name: "scaleway", Vendor: true, Finds: []string{"«SCW{U17}»"}, Keeps: []string{"SCW{5}", "xSCW{99}"},
		Tokens: []Token{{"SCW", capitals, 17, true}},
	},
	{
		Name: "scalingo", Vendor: true, Finds: []string{"«tk-us-{40}»"}, Keeps: []string{"tk-us-{5}", "xtk-us-{99}"},
		Tokens: []Token{{"tk-us-", urls, 40, false}},
	},
	{
		Name: "sendgrid", Vendor: true, Finds: []string{"«SG.{40}»"}, Keeps: []string{"SG.{5}", "xSG.{99}"},
		Tokens: []Token{{"SG.", dotted, 40, false}},
	},
	{
		Name: "sendinblue", Vendor: true, Finds: []string{"«xkeysib-{64}»", "«xsmtpsib-{64}»"}, Keeps: []string{"xkeysib-{5}", "xxkeysib-{99}"},
		Tokens: []Token{{"xkeysib-", urls, 64, false}, {"xsmtpsib-", urls, 64, false}},
	},
	{
		Name: "sentry", Vendor: true, Finds: []string{"«sntrys_{50}»", "«sntryu_{60}»"}, Keeps: []string{"sntrys_{5}", "xsntrys_{99}"},
		Tokens: []Token{{"sntrys_", padded, 50, false}, {"sntryu_", alnum, 60, false}, {"sntryi_", alnum, 60, false}},
	},
	{
		Name: "settlemint", Vendor: true, Finds: []string{"«sm_aat_{16}»", "«sm_pat_{16}»"}, Keeps: []string{"sm_aat_{5}", "xsm_aat_{99}"},
		Tokens: []Token{{"sm_aat_", alnum, 16, false}, {"sm_pat_", alnum, 16, false}, {"sm_sat_", alnum, 16, false}},
	},
	{
		Name: "shippo", Vendor: true, Finds: []string{"«shippo_live_{36}»", "«shippo_test_{36}»"}, Keeps: []string{"shippo_live_{5}", "xshippo_live_{99}"},
		Tokens: []Token{{"shippo_live_", alnum, 36, false}, {"shippo_test_", alnum, 36, false}},
	},
	{
		Name: "shopify", Vendor: true, Finds: []string{"«shpat_{30}»", "«shpca_{30}»"}, Keeps: []string{"shpat_{5}", "xshpat_{99}"},
		Tokens: []Token{{"shpat_", alnum, 30, false}, {"shpca_", alnum, 30, false}, {"shppa_", alnum, 30, false}, {"shpss_", alnum, 30, false}, {"shptka_", alnum, 30, false}},
	},
	{
		Name: "slack", Vendor: true, Finds: []string{"«xoxb-{12}»", "«xoxp-{12}»"}, Keeps: []string{"xoxb-{5}", "xxoxb-{99}"},
		Tokens: []Token{{"xoxb-", urls, 10, true}, {"xoxp-", urls, 10, true}, {"xoxa-", urls, 10, true}, {"xoxr-", urls, 10, true}, {"xoxs-", urls, 10, true}, {"xoxo-", urls, 10, true}, {"xoxe-", urls, 10, true}, {"xoxd-", creds, 20, true}, {"xoxc-", urls, 20, true}, {"xoxe.", dotted, 10, true}, {"xapp-", urls, 10, true}},
	},
	{
		Name: "sonar", Vendor: true, Finds: []string{"«squ_{40}»", "«sqp_{40}»"}, Keeps: []string{"squ_{5}", "xsqu_{99}"},
		Tokens: []Token{{"squ_", alnum, 40, false}, {"sqp_", alnum, 40, false}, {"sqa_", alnum, 40, false}, {"sqb_", alnum, 40, false}},
	},
	{
		Name: "sourcegraph", Vendor: true, Finds: []string{"«sgp_{40}»", "«slk_{60}»"}, Keeps: []string{"sgp_{5}", "xsgp_{99}"},
		Tokens: []Token{{"sgp_", urls, 40, false}, {"slk_", alnum, 60, false}},
	},
	{
		Name: "square", Vendor: true, Finds: []string{"«sq0atp-{22}»", "«sq0csp-{40}»"}, Keeps: []string{"sq0atp-{5}", "xsq0atp-{99}"},
		Tokens: []Token{{"sq0atp-", urls, 22, false}, {"sq0csp-", urls, 40, false}, {"EAAA", urls, 56, true}},
	},
	{
		Name: "stripe", Vendor: true, Finds: []string{"«sk_live_{12}»", "«sk_test_{12}»"}, Keeps: []string{"sk_live_{5}", "xsk_live_{99}"},
		Tokens: []Token{{"sk_live_", alnum, 10, false}, {"sk_test_", alnum, 10, false}, {"sk_prod_", alnum, 10, false}, {"rk_live_", alnum, 10, false}, {"rk_test_", alnum, 10, false}, {"rk_prod_", alnum, 10, false}, {"whsec_", padded, 20, false}, {"ek_live_", alnum, 20, false}, {"ek_test_", alnum, 20, false}},
	},
	{
		Name: "supabase", Vendor: true, Finds: []string{"«sbp_{40}»", "«sb_secret_{20}»"}, Keeps: []string{"sbp_{5}", "xsbp_{99}"},
		Tokens: []Token{{"sbp_", alnum, 40, false}, {"sb_secret_", urls, 20, false}},
	},
	{
		Name: "tailscale", Vendor: true, Finds: []string{"«tskey-{16}»"}, Keeps: []string{"tskey-{5}", "xtskey-{99}"},
		Tokens: []Token{{"tskey-", urls, 16, true}},
	},
	{
		Name: "tavily", Vendor: true, Finds: []string{"«tvly-{20}»"}, Keeps: []string{"tvly-{5}", "xtvly-{99}"},
		Tokens: []Token{{"tvly-", urls, 20, false}},
	},
	{
		Name: "tencent", Vendor: true, Finds: []string{"«AKID{30}»"}, Keeps: []string{"AKID{5}", "xAKID{99}"},
		Tokens: []Token{{"AKID", alnum, 30, true}},
	},
	{
		Name: "together", Vendor: true, Finds: []string{"«tgp_v1_{40}»"}, Keeps: []string{"tgp_v1_{5}", "xtgp_v1_{99}"},
		Tokens: []Token{{"tgp_v1_", urls, 40, false}},
	},
	{
		Name: "twilio", Vendor: true, Finds: []string{"«SK{h32}»"}, Keeps: []string{"SK{5}", "xSK{99}"},
		Tokens: []Token{{"SK", hexs, 32, true}},
	},
	{
		Name: "typeform", Vendor: true, Finds: []string{"«tfp_{40}»"}, Keeps: []string{"tfp_{5}", "xtfp_{99}"},
		Tokens: []Token{{"tfp_", wide, 40, false}},
	},
	{
		Name: "vault", Vendor: true, Finds: []string{"«hvs.{20}»", "«hvb.{20}»"}, Keeps: []string{"hvs.{5}", "xhvs.{99}"},
		Tokens: []Token{{"hvs.", urls, 20, false}, {"hvb.", urls, 20, false}, {"hvr.", urls, 20, false}},
	},
	{
		Name: "vercel", Vendor: true, Finds: []string{"«vck_{24}»", "«vercel_blob_rw_{30}»"}, Keeps: []string{"vck_{5}", "xvck_{99}"},
		Tokens: []Token{{"vck_", alnum, 24, false}, {"vercel_blob_rw_", urls, 30, false}},
	},
	{
		Name: "volcengine", Vendor: true, Finds: []string{"«AKLT{40}»"}, Keeps: []string{"AKLT{5}", "xAKLT{99}"},
		Tokens: []Token{{"AKLT", padded, 40, false}},
	},
	{
		Name: "wandb", Vendor: true, Finds: []string{"«wandb_v1_{40}»"}, Keeps: []string{"wandb_v1_{5}", "xwandb_v1_{99}"},
		Tokens: []Token{{"wandb_v1_", urls, 40, false}},
	},
	{
		Name: "xai", Vendor: true, Finds: []string{"«xai-{60}»"}, Keeps: []string{"xai-{5}", "xxai-{99}"},
		Tokens: []Token{{"xai-", alnum, 60, false}},
	},
	{
		Name: "yandex", Vendor: true, Finds: []string{"«AQVN{35}»", "«t1.{80}»"}, Keeps: []string{"AQVN{5}", "xAQVN{99}"},
		Tokens: []Token{{"AQVN", urls, 35, false}, {"t1.", wide, 80, true}, {"YCA", urls, 20, false}, {"YCM", urls, 20, false}, {"YCN", urls, 30, false}, {"YCP", urls, 30, false}, {"y0_", urls, 50, false}},
	},
	{
		Name: "azure", Vendor: true, Finds: []string{"«abc8Q~{34}»", "AccountKey=«{d86}==»"}, Keeps: []string{"8Q~{34}", "faq~", "AccountKey=short"},
		Needs: append(azureClient.literals(), "AccountKey="), Find: findAzure,
	},
	{
		Name: "mailchimp", Vendor: true, Finds: []string{"key «{h32}-us12»"}, Keeps: []string{"{h12}-us12", "contact-us"},
		Needs: mailchimp.literals(), Find: mailchimp.find,
	},
	{
		Name: "maxmind", Vendor: true, Finds: []string{"«abc123_{29}_mmk»"}, Keeps: []string{"short_mmk"},
		Needs: maxmind.literals(), Find: maxmind.find,
	},
	{
		Name: "telegram", Vendor: true, Finds: []string{"«{d10}:AAF{32}»", "https://api.telegram.org/bot«{d10}:AAH{32}»/getMe"}, Keeps: []string{"10:AA", "{d10}:AAF{5}"},
		Needs: telegram.literals(), Find: telegram.find,
	},
	{
		Name: "terraform", Vendor: true, Finds: []string{"«{14}.atlasv1.{64}»"}, Keeps: []string{"x.atlasv1.y"},
		Needs: terraform.literals(), Find: terraform.find,
	},
	{
		Name: "elasticsearch", Vendor: true, Finds: []string{"key «VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw==»"},
		Keeps: []string{"{58}==", "aGVsbG8gd29ybGQsIHRoaXMgaXMgZmluZQ=="}, Needs: []string{"="}, Find: findElasticsearch,
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
