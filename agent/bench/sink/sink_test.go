package sink

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// document is one action of a bulk request.
func document(id string, event int, rest string) string {
	return fmt.Sprintf("{\"create\":{\"_id\":%q}}\n{\"@timestamp\":1,\"id\":\"5eed%04x-%04x-4000-8000-000000000000\",\"upstream\":1%s}\n", id, event>>16, event&0xffff, rest)
}

func post(t *testing.T, url string, body []byte, encoding string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Encoding", encoding)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryEventIsAccountedFor(t *testing.T) {
	s := New(100_000, 1)
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	url := server.URL + "/logs-x-y/_bulk"

	answer := post(t, url, []byte(document("a", 0, "")+document("b", 99_999, "")), "")
	if strings.Count(answer, `"status":201`) != 2 || !strings.Contains(answer, `"errors":false`) || !strings.Contains(answer, ".ds-logs-x-y-") {
		t.Error(answer)
	}
	answer = post(t, url, []byte(document("a", 0, "")), "")
	if !strings.Contains(answer, `"status":409`) || !strings.Contains(answer, `"errors":true`) {
		t.Error(answer)
	}
	post(t, url, []byte(document("c", 0, "")), "") // the same event under another _id
	post(t, url, []byte(document("d", 100_000, "")), "")
	post(t, url, []byte(document("e", 5, `,"x":"ops1@example.com"`)), "")
	post(t, url, []byte("{\"create\":{\"_id\":\"5eed0000-0006-4000\"}}\n{}\n"), "") // the id is not in the document
	answer = post(t, url+"?filter_path=errors", []byte("{\"delete\":{}}\n"), "")
	if !strings.Contains(answer, `"status":400`) {
		t.Error(answer)
	}

	c := s.Counts()
	if c.Arrived != 4 || c.Again != 1 || c.Doubled != 1 || c.Unknown != 1 || c.Leaked != 1 || c.Checked != 7 || c.Untimed != 1 || c.Cut != 1 {
		t.Errorf("%+v", c)
	}
	if lost := s.Lost(6); !slices.Equal(lost, []int{1, 2, 3, 4, 7, 8}) {
		t.Errorf("lost: %v", lost)
	}
}

func TestAllArrived(t *testing.T) {
	s := New(200, 16)
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	for i := range 200 {
		select {
		case <-s.All():
			t.Fatalf("all arrived before %d", i)
		default:
		}
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := io.WriteString(w, document(fmt.Sprint(i), i, "")); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		post(t, server.URL+"/_bulk", packed.Bytes(), "gzip")
	}
	<-s.All()
	if c := s.Counts(); c.Bytes == c.WireBytes || c.Arrived != 200 || len(s.Lost(1)) != 0 {
		t.Errorf("%+v", c)
	}
}

func TestLookUpsFindNothing(t *testing.T) {
	s := New(10, 1)
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	answer := post(t, server.URL+"/x/_mget", []byte(`{"ids":["a","b"]}`), "")
	if answer != `{"docs":[{"found":false},{"found":false}]}` || s.Counts().LookedUp != 2 {
		t.Error(answer)
	}
}
