package config

import (
	"time"

	"github.com/auditship/auditship/agent/strictyaml"
)

// The units that defaults are written in.
const (
	day = Duration(24 * time.Hour)

	KiB = strictyaml.KiB
	MiB = strictyaml.MiB
	GiB = strictyaml.GiB
)

// Default is a configuration with every default in place: what a file adds to.
// It has no inputs and no address of Elasticsearch, so it is not valid by
// itself.
func Default() Config {
	return Config{
		Gateway:   "api7",
		Masking:   Masking{Defaults: "strict"},
		Retention: 180 * day,
		Elasticsearch: Elasticsearch{
			Namespace:     "default",
			Compression:   "gzip",
			BulkSize:      3 * MiB,
			FlushInterval: Duration(time.Second),
			Workers:       2,
			Timeout:       Duration(time.Minute),
			ClockSkew:     Duration(2 * time.Hour),
		},
		Kibana:          Kibana{Space: "default"},
		StateDir:        "/var/lib/auditship",
		Timezone:        "UTC",
		HTTP:            "127.0.0.1:9479",
		Queue:           Queue{Bytes: 12 * MiB},
		DeadLetter:      DeadLetter{MaxSize: GiB}, // Path follows StateDir
		ShutdownTimeout: Duration(30 * time.Second),
		Log:             Log{Level: "info", Format: "auto"},
	}
}
