package config

import (
	"time"

	"github.com/auditship/auditship/agent/strictyaml"
)

// StringList is a list of strings that a file may also write as one string.
type StringList []string

// Duration and Bytes are how a file writes time spans (10m, 180d) and sizes (8MiB).
type (
	Duration = strictyaml.Duration
	Bytes    = strictyaml.Bytes
)

// Config is the whole configuration of the agent. Everything has a working
// default but inputs and the address of Elasticsearch. Relative paths are
// relative to the folder of the configuration file.
type Config struct {
	// Gateway names the gateway whose records these are. It goes into every
	// document's _id, so that two gateways that number their records can share
	// a data stream: choose it once and keep it. An input may override it.
	// Default: api7.
	Gateway string `yaml:"gateway" is:"label"`

	// Inputs are the places records are read from. At least one is needed.
	Inputs []Input `yaml:"inputs" like:"input,sources,filebeat.inputs"`

	// Rename brings records of another shape to the gateway's names: from the
	// dotted path in the record to the name of the gateway's audit record, for
	// example "actor.login: operator.username". An input's own rename adds to
	// it and wins. Default: none.
	Rename map[string]string `yaml:"rename,omitempty" is:"recordname"`

	// Tags are put into the field tags of every document. Default: none.
	Tags StringList `yaml:"tags,omitempty" is:"label" like:"labels"`

	// Observer describes the gateway in the documents.
	Observer Observer `yaml:"observer"`

	// KeepOriginal keeps the masked record as it was read in event.original.
	// It about doubles the space on disk. Default: false.
	KeepOriginal bool `yaml:"keep_original" like:"preserve_original_event"`

	// Masking says what is hidden before a record leaves the host.
	Masking Masking `yaml:"masking" like:"mask,redact"`

	// Elasticsearch is where the documents go.
	Elasticsearch Elasticsearch `yaml:"elasticsearch" like:"output,output.elasticsearch,es"`

	// Retention is how long a document is kept, counted from its indexing; at
	// most one rollover period (7 days) is added to it. Default: 180d.
	Retention Duration `yaml:"retention" min:"1d" like:"max_age,delete_after"`

	// Kibana is used by setup only, to install data view, searches and
	// dashboard. Without kibana.url setup leaves Kibana alone.
	Kibana Kibana `yaml:"kibana" like:"setup.kibana"`

	// StateDir holds the saved positions, the key for records without an id
	// and the dead letters. It must outlive the process: in a container, a
	// volume. Default: /var/lib/auditship.
	StateDir string `yaml:"state_dir" is:"path" like:"data_dir,path.data"`

	// IDKey is the key for the _id of records that have no id of their own, at
	// least 16 bytes. Agents that read the same records need the same key.
	// Default: a random key made once in the state directory.
	IDKey Secret `yaml:"id_key,omitempty" is:"idkey"`

	// Timezone is where the team works, an IANA name such as Europe/Berlin, or
	// Local for the host's. It decides api7.audit.local.hour and .weekday;
	// times themselves are always stored in UTC. Default: UTC.
	Timezone string `yaml:"timezone" is:"timezone" like:"time_zone,tz"`

	// HTTP is the address of /metrics, /livez and /readyz. "off" or "" opens
	// no port. Default: 127.0.0.1:9479.
	HTTP string `yaml:"http" is:"listen" like:"metrics,listen,http.host"`

	// HTTPAccess keeps others from what http serves, where that is not an
	// address of this host alone.
	HTTPAccess HTTPAccess `yaml:"http_access"`

	// Queue bounds what is in flight.
	Queue Queue `yaml:"queue"`

	// DeadLetter is where records go that can never be indexed as they are.
	DeadLetter DeadLetter `yaml:"dead_letter" like:"dlq"`

	// ShutdownTimeout is how long a stopping agent waits for Elasticsearch to
	// take what was already read. What is left is read again at the next
	// start. Default: 30s.
	ShutdownTimeout Duration `yaml:"shutdown_timeout" min:"0s" max:"1h"`

	// Log says how much the agent logs, and how.
	Log Log `yaml:"log" like:"logging"`

	// Debug opens what only a developer needs.
	Debug Debug `yaml:"debug"`

	location   *time.Location
	references map[string]string // values that hold references, as written
	literals   []string          // keys of secrets that stand in the file itself
	warnings   []string
}

// Location is the time zone named by Timezone.
func (c *Config) Location() *time.Location {
	if c.location == nil {
		return time.UTC
	}
	return c.location
}

// Stream is the name of the data stream.
func (c *Config) Stream() string { return "logs-api7.audit-" + c.Elasticsearch.Namespace }

// ObserverName is the observer.name of the records of one input: the
// configured one, otherwise the name of the input's gateway.
func (c *Config) ObserverName(in Input) string {
	if c.Observer.Name != "" {
		return c.Observer.Name
	}
	return in.Gateway
}

// Observer describes the gateway in the documents.
type Observer struct {
	// Name is observer.name. Default: the name of the input's gateway.
	Name string `yaml:"name,omitempty" is:"label"`
}

// Masking says what is hidden before a record leaves the host.
type Masking struct {
	// Rules are files with masking rules, used together. Default: none beside
	// the built-in rules.
	Rules StringList `yaml:"rules,omitempty" is:"path" like:"files,rules_files,file"`

	// Defaults says whether the built-in rules apply: strict or off. With off,
	// only your own rules hide anything. Default: strict.
	Defaults string `yaml:"defaults" oneof:"strict,off"`
}

// Elasticsearch is where the documents go: the data stream
// logs-api7.audit-NAMESPACE.
type Elasticsearch struct {
	// URLs are the addresses of the nodes, for example https://es:9200. One
	// may stand without a list. Needed, unless cloud_id is given.
	URLs StringList `yaml:"urls,omitempty" is:"url" like:"url,hosts,host,endpoints,addresses"`

	// CloudID is the Cloud ID of an Elastic Cloud deployment, instead of urls.
	CloudID string `yaml:"cloud_id,omitempty" is:"cloudid" like:"cloud.id"`

	// APIKey is an API key in its encoded form, as setup --create-key writes
	// it. Default: none.
	APIKey Secret `yaml:"api_key,omitempty" is:"credential" like:"token,key"`

	// Username signs in by HTTP basic authentication, with password, instead of
	// an api_key.
	Username string `yaml:"username,omitempty" like:"user"`

	// Password belongs to username.
	Password Secret `yaml:"password,omitempty" is:"password"`

	// Namespace is the last part of the data stream's name. Lower case, no
	// dash. Default: default.
	Namespace string `yaml:"namespace" is:"namespace" like:"index,data_stream.namespace"`

	// CAFile is a PEM file with the authorities to trust for Elasticsearch
	// instead of the system's.
	CAFile string `yaml:"ca_file,omitempty" is:"certificates" like:"ca,ca_cert,certificate_authorities,ssl.certificate_authorities"`

	// CAFingerprint is the SHA-256 of the authority's certificate in hex, with
	// or without colons, as Elasticsearch prints it at its first start.
	// Instead of ca_file.
	CAFingerprint string `yaml:"ca_fingerprint,omitempty" is:"fingerprint" like:"ca_trusted_fingerprint,ssl.ca_trusted_fingerprint"`

	// Proxy is the proxy to Elasticsearch, for example http://proxy:3128; it
	// may hold a user name and password, so it is never printed. Default: as
	// the environment says (HTTPS_PROXY, NO_PROXY).
	Proxy Secret `yaml:"proxy,omitempty" is:"proxy" like:"proxy_url"`

	// Compression of requests: gzip (level 1) or none. Default: gzip.
	Compression string `yaml:"compression" oneof:"gzip,none" like:"compression_level"`

	// BulkSize is the size of one bulk request before compression. Memory is
	// about workers times this. Default: 3MiB, some 2,000 documents.
	BulkSize Bytes `yaml:"bulk_size" min:"64KiB" max:"100MiB" like:"bulk_max_size,batch.max_bytes,flush_bytes"`

	// FlushInterval is how long a document waits for others to share its
	// request. Default: 1s.
	FlushInterval Duration `yaml:"flush_interval" min:"10ms" max:"1m" like:"batch.timeout_secs"`

	// Workers is how many bulk requests are under way at once. Default: 2.
	Workers int `yaml:"workers" min:"1" max:"64" like:"worker"`

	// Timeout bounds one request with its answer. Default: 60s.
	Timeout Duration `yaml:"timeout" min:"1s" max:"10m"`

	// ClockSkew is how far the clocks of gateway and Elasticsearch may be
	// apart. A record no newer than the write index plus this is looked up in
	// older backing indices before it is sent, so that nothing is there twice.
	// Default: 2h.
	ClockSkew Duration `yaml:"clock_skew" min:"0s" max:"7d"`

	// InsecureHTTP allows urls of http:// to another host. The credentials and
	// the records then go over the network in the clear. Default: false.
	InsecureHTTP bool `yaml:"insecure_http"`
}

// Kibana is used by setup only.
type Kibana struct {
	// URL is the address of Kibana, for example https://kibana:5601, with its
	// base path if it has one. Default: none, Kibana is left alone.
	URL string `yaml:"url,omitempty" is:"url" like:"urls,host,hosts"`

	// Space is the id of the Kibana space. Default: default.
	Space string `yaml:"space" is:"space" like:"space.id,space_id"`

	// APIKey is an API key in its encoded form. Default: the credentials setup
	// is called with.
	APIKey Secret `yaml:"api_key,omitempty" is:"credential" like:"token,key"`

	// Username signs in by HTTP basic authentication, with password, instead of
	// an api_key.
	Username string `yaml:"username,omitempty" like:"user"`

	// Password belongs to username.
	Password Secret `yaml:"password,omitempty" is:"password"`

	// CAFile is a PEM file with the authorities to trust for Kibana instead of
	// the system's.
	CAFile string `yaml:"ca_file,omitempty" is:"certificates" like:"ca,ca_cert,certificate_authorities"`

	// CAFingerprint is the SHA-256 of the authority's certificate in hex.
	// Instead of ca_file.
	CAFingerprint string `yaml:"ca_fingerprint,omitempty" is:"fingerprint" like:"ca_trusted_fingerprint"`

	// InsecureHTTP allows a url of http:// to another host. The credentials and
	// the records then go over the network in the clear. Default: false.
	InsecureHTTP bool `yaml:"insecure_http"`
}

// HTTPAccess says who may read the metrics, and how.
type HTTPAccess struct {
	// Token is what /metrics, and the details of /readyz, are asked for with:
	// "Authorization: Bearer TOKEN". /livez and /readyz answer without it, for
	// the probes of Kubernetes. Default: none, everybody who reaches the address
	// may read them.
	Token Secret `yaml:"token,omitempty" is:"credential" like:"bearer_token,api_key"`

	// CertFile is a PEM file with the certificate for HTTPS. Default: none,
	// plain HTTP.
	CertFile string `yaml:"cert_file,omitempty" is:"certificates" like:"cert,certificate"`

	// KeyFile is a PEM file with the key of cert_file, without a passphrase.
	KeyFile string `yaml:"key_file,omitempty" is:"readable"`
}

// Queue bounds what is in flight between reading and Elasticsearch's answer.
type Queue struct {
	// Bytes is the size of the documents in flight. When it is reached, reading
	// waits. Default: 12MiB.
	Bytes Bytes `yaml:"bytes" min:"1MiB" max:"16GiB" like:"size,max_bytes,mem"`
}

// DeadLetter is where records go that can never be indexed as they are.
type DeadLetter struct {
	// Path is the folder of the dead letters. Default: dead-letter in the state
	// directory.
	Path string `yaml:"path" is:"path" like:"dir,directory"`

	// MaxSize is how much may lie there. Each input may fill an equal share of it, and
	// each file half of that, and waits alone. When it is full the agent waits and
	// says so; it never drops a record. Default: 1GiB.
	MaxSize Bytes `yaml:"max_size" min:"1MiB" like:"max_bytes,size"`
}

// Log says how much the agent logs, and how. Logs go to stderr.
type Log struct {
	// Level is trace, debug, info, warn or error. No level logs the content of
	// a record. Default: info.
	Level string `yaml:"level" oneof:"trace,debug,info,warn,error"`

	// Format is json, console, or auto: console on a terminal, json otherwise.
	// Default: auto.
	Format string `yaml:"format" oneof:"auto,json,console"`
}

// Debug opens what only a developer needs.
type Debug struct {
	// Pprof is an address for Go's profiles, for example 127.0.0.1:6060: go tool
	// pprof http://127.0.0.1:6060/debug/pprof/profile. Keep it on the loopback
	// address; it asks nobody for a password, and a profile slows the agent
	// down. "off" or "" opens no port. Default: off.
	Pprof string `yaml:"pprof,omitempty" is:"listen"`
}
