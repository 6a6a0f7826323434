package exporter

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
)

// Info says what answers at the address.
type Info struct {
	ClusterName string
	Version     Version
	// Serverless: Elastic Cloud Serverless, which has no ILM and whose version
	// number says nothing.
	Serverless bool
}

// Info asks for the server's version and kind. It needs the cluster privilege
// monitor.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var answer struct {
		ClusterName string `json:"cluster_name"`
		Version     struct {
			Number      string `json:"number"`
			BuildFlavor string `json:"build_flavor"`
		} `json:"version"`
	}
	if err := c.JSONOf(ctx, Request{Method: "GET", Path: "/", MaxAnswer: smallAnswer}, nil, &answer); err != nil {
		return Info{}, fmt.Errorf("ask for the version of Elasticsearch: %w", err)
	}
	v, err := ParseVersion(answer.Version.Number)
	if err != nil {
		return Info{}, err
	}
	return Info{
		ClusterName: answer.ClusterName,
		Version:     v,
		Serverless:  answer.Version.BuildFlavor == "serverless",
	}, nil
}

// MinVersion is the oldest Elasticsearch that is supported.
var MinVersion = Version{8, 12, 0}

// Supported is nil, or an error that says which version is needed.
func (i Info) Supported() error {
	if i.Serverless || i.Version.AtLeast(MinVersion) {
		return nil
	}
	return fmt.Errorf("elasticsearch %s is too old: %s or newer is needed", i.Version, MinVersion)
}

// Version is a release of Elasticsearch: major, minor, patch.
type Version [3]int

var versionNumber = regexp.MustCompile(`^(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:-[A-Za-z0-9.-]{1,64})?$`)

// ParseVersion reads 8.19, 8.19.9 or 9.0.0-beta1 (whose suffix is dropped).
func ParseVersion(s string) (Version, error) {
	m := versionNumber.FindStringSubmatch(s)
	if m == nil {
		return Version{}, fmt.Errorf("not a version of Elasticsearch: %.32q", s)
	}
	var v Version
	for i := range v {
		if m[i+1] != "" {
			v[i], _ = strconv.Atoi(m[i+1]) // up to four digits, as the pattern says
		}
	}
	return v, nil
}

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

// AtLeast reports whether v is w or newer.
func (v Version) AtLeast(w Version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] > w[i]
		}
	}
	return true
}
