package config

import (
	"crypto/tls"
	"time"
)

// APIInput polls the gateway's audit API, GET /api/audit_logs.
type APIInput struct {
	// URL is the address of the gateway's dashboard, without a path such as
	// /api, for example https://dashboard.example.com:7443. Needed.
	URL string `yaml:"url" is:"url" like:"urls,host,hosts,endpoint,address"`

	// APIKey is a token of the gateway, sent as X-API-KEY. Its user needs the
	// permission to read audit logs. Needed, unless username and password are
	// given.
	APIKey Secret `yaml:"api_key,omitempty" is:"credential" like:"token,key"`

	// Username signs in by HTTP basic authentication, with password, instead of
	// an api_key.
	Username string `yaml:"username,omitempty" like:"user"`

	// Password belongs to username.
	Password Secret `yaml:"password,omitempty" is:"password"`

	// PollInterval is how often new records are asked for. Default: 10s.
	PollInterval Duration `yaml:"poll_interval" min:"1s" max:"1d" like:"interval,period"`

	// Overlap is how far back records are looked for that came late. Each poll
	// asks the gateway how many it has from that time, and reads them again when
	// the number changed, so a late record is found by the next poll; all of it is
	// read again once in that time anyway. Those already there are recognised by
	// their id. Default: 10m.
	Overlap Duration `yaml:"overlap" min:"0s" max:"7d"`

	// Since is how far back the first start reads. The gateway keeps its records
	// for 60 days unless its audit.retention_days says otherwise; what it does not
	// have any more comes from exports only, by auditship import. Default: 180d.
	Since Duration `yaml:"since" min:"0s" like:"initial_interval,lookback"`

	// GatewayRetention is how long the gateway keeps its records, as its
	// audit.retention_days says. It tells how much time is left while the gateway
	// cannot be read; once the agent saw the gateway delete records, that counts.
	// Default: 60d.
	GatewayRetention Duration `yaml:"gateway_retention" min:"1d" like:"retention,retention_days"`

	// PageSize is how many records are asked for at once. The agent goes down
	// by itself if the gateway gives fewer. Default: 100.
	PageSize int `yaml:"page_size" min:"1" max:"10000" like:"batch_size,limit"`

	// MaxRecord is the size of the largest record that is taken. A larger one
	// becomes a dead letter that holds its beginning. Default: 8MiB.
	MaxRecord Bytes `yaml:"max_record" min:"1KiB" max:"1GiB" like:"max_bytes"`

	// Timeout bounds one request with its answer. Default: 30s.
	Timeout Duration `yaml:"timeout" min:"1s" max:"10m"`

	// CAFile is a PEM file with the authorities to trust for the gateway
	// instead of the system's.
	CAFile string `yaml:"ca_file,omitempty" is:"certificates" like:"ca,ca_cert,certificate_authorities,ssl.certificate_authorities"`

	// CertFile is a PEM file with a client certificate, where the gateway asks
	// for one.
	CertFile string `yaml:"cert_file,omitempty" is:"certificates" like:"cert,certificate"`

	// KeyFile is a PEM file with the key of cert_file, without a passphrase.
	KeyFile string `yaml:"key_file,omitempty" is:"readable"`

	// Proxy is the proxy to the gateway, for example http://proxy:3128; it may
	// hold a user name and password, so it is never printed. Default: as the
	// environment says (HTTPS_PROXY, NO_PROXY).
	Proxy Secret `yaml:"proxy,omitempty" is:"proxy" like:"proxy_url"`

	// InsecureHTTP allows a url of http:// to another host. The credentials and
	// the records then go over the network in the clear. Default: false.
	InsecureHTTP bool `yaml:"insecure_http"`
}

// DefaultAPIInput has the defaults of an input of type api.
func DefaultAPIInput() APIInput {
	return APIInput{
		PollInterval:     Duration(10 * time.Second),
		Overlap:          Duration(10 * time.Minute),
		Since:            180 * day,
		GatewayRetention: 60 * day,
		PageSize:         100,
		MaxRecord:        8 * MiB,
		Timeout:          Duration(30 * time.Second),
	}
}

func (a *APIInput) setDefaults() { *a = DefaultAPIInput() }

// Location is UTC: the times of the audit API are instants.
func (*APIInput) Location() *time.Location { return time.UTC }

func (a *APIInput) check(d *decoder, at string, _ *Config) {
	if a.URL == "" {
		d.needed(at, "needed: the address of the dashboard", "url")
	}
	if a.APIKey.IsZero() && a.Password.IsZero() && a.Username == "" {
		d.needed(at, "needed: api_key, or username and password", "api_key", "username", "password")
	}
	d.checkSignIn(at, a.APIKey, a.Username, a.Password)
	d.checkClear(at, at+".url", a.URL, true, a.InsecureHTTP)
	d.checkKeyPair(at, a.CertFile, a.KeyFile)
}

// checkKeyPair sees whether cert_file and key_file belong together.
func (d *decoder) checkKeyPair(at, certFile, keyFile string) {
	if (certFile == "") != (keyFile == "") {
		d.pair(at, "cert_file", "key_file", certFile != "")
		return
	}
	if certFile == "" {
		return
	}
	certificate, err1 := d.env.ReadFile(certFile)
	private, err2 := d.env.ReadFile(keyFile)
	if _, err := tls.X509KeyPair(certificate, private); err != nil || err1 != nil || err2 != nil {
		d.FailAt(d.At(at+".key_file"), at+".key_file", "is not the key of cert_file, or not a key in PEM without a passphrase", "")
	}
}

func (*APIInput) holdsAnswers() bool { return false }

func (*APIInput) learnsNames() bool { return true }
