package config

import "time"

const day = Duration(24 * time.Hour)

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

// DefaultFileInput has the defaults of an input of type file.
func DefaultFileInput() FileInput {
	return FileInput{
		MaxRecord:     8 * MiB,
		Timezone:      "UTC",
		PollInterval:  Duration(time.Second),
		ScanInterval:  Duration(10 * time.Second),
		CloseInactive: Duration(5 * time.Minute),
	}
}

// DefaultAPIInput has the defaults of an input of type api.
func DefaultAPIInput() APIInput {
	return APIInput{
		PollInterval: Duration(10 * time.Second),
		Overlap:      Duration(10 * time.Minute),
		Since:        180 * day,
		PageSize:     100,
		Timeout:      Duration(30 * time.Second),
	}
}

// setDefaults is called by the decoder when it makes one of these for a key of
// the file.
func (f *FileInput) setDefaults() { *f = DefaultFileInput() }

func (a *APIInput) setDefaults() { *a = DefaultAPIInput() }
