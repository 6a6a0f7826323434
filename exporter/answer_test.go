package exporter

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswerIsBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		_, _ = io.WriteString(w, strings.Repeat("x", 1000)) // the client may hang up
	}))
	defer server.Close()
	client, err := New(Config{Addresses: []string{server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		bound int64
		want  error
	}{
		"default": {0, nil},
		"fits":    {1000, nil},
		"longer":  {999, ErrAnswerTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := client.Do(t.Context(), Request{Method: "GET", Path: "/", MaxAnswer: c.bound})
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if err == nil && len(body) != 1000 {
				t.Errorf("%d bytes", len(body))
			}
		})
	}
}
