package mappings

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/auditship/auditship/exporter"
)

// ErrWrongDestination: a record that is written now would not come under the
// templates and the retention of the audit trail.
var ErrWrongDestination = errors.New("documents would not come under the audit trail's templates and retention")

// destination is what a name stands for.
type destination struct {
	kind    destinationKind
	indices []string // of an alias
}

type destinationKind byte

const (
	nothing destinationKind = iota
	aStream
	anIndex
	anAlias
)

// CheckDestination looks at what the next write to the data stream of a namespace
// will really hit. It needs no more than the agent's rights. Nothing is there
// before the first record; then exists is false. What is wrong is an error that
// says what to do and is ErrWrongDestination; any other error means that it could
// not be found out.
func CheckDestination(ctx context.Context, client *exporter.Client, namespace string) (exists bool, err error) {
	name := StreamName(namespace)
	d, err := resolve(ctx, client, name)
	if err != nil {
		return false, err
	}
	switch d.kind {
	case nothing:
		return false, nil
	case anIndex, anAlias:
		return true, fmt.Errorf("%s: %w", d.words(name), ErrWrongDestination)
	}
	return true, checkStream(ctx, client, name)
}

// resolve finds out what a name stands for.
func resolve(ctx context.Context, client *exporter.Client, name string) (destination, error) {
	var answer struct {
		Indices []struct{} `json:"indices"`
		Aliases []struct {
			Indices []string `json:"indices"`
		} `json:"aliases"`
		DataStreams []struct{} `json:"data_streams"`
	}
	err := client.JSON(ctx, http.MethodGet, "/_resolve/index/"+url.PathEscape(name), nil, &answer)
	switch {
	case isNotFound(err):
		return destination{}, nil
	case err != nil:
		return destination{}, fmt.Errorf("find out what %s is: %w", name, err)
	case len(answer.Aliases) > 0:
		return destination{anAlias, answer.Aliases[0].Indices}, nil
	case len(answer.Indices) > 0:
		return destination{kind: anIndex}, nil
	case len(answer.DataStreams) > 0:
		return destination{kind: aStream}, nil
	}
	return destination{}, nil
}

// words says what is wrong with a name that is no data stream.
func (d destination) words(name string) string {
	if d.kind == anAlias {
		return fmt.Sprintf("%s is an alias of %s, not a data stream; remove the alias", name, strings.Join(d.indices, ", "))
	}
	return fmt.Sprintf("%s is an index, not a data stream; reindex it into another name and delete it", name)
}

// checkStream looks at the index that is written to.
func checkStream(ctx context.Context, client *exporter.Client, name string) error {
	var answer struct {
		DataStreams []dataStream `json:"data_streams"`
	}
	if err := client.JSON(ctx, http.MethodGet, "/_data_stream/"+url.PathEscape(name), nil, &answer); err != nil {
		return fmt.Errorf("read data stream %s: %w", name, err)
	}
	if len(answer.DataStreams) != 1 {
		return nil // deleted meanwhile
	}
	s := answer.DataStreams[0]
	write := s.writeIndex()
	var live map[string]template
	if err := client.JSON(ctx, http.MethodGet, "/"+url.PathEscape(write.Name)+"/_mapping", nil, &live); err != nil {
		return fmt.Errorf("read the mapping of %s: %w", write.Name, err)
	}
	wrong := ""
	switch {
	case !madeByUs(live[write.Name].Mappings):
		wrong = fmt.Sprintf("%s was made by another index template than %s", write.Name, Name)
	case s.Template != Name && s.Template != "":
		wrong = fmt.Sprintf("its next backing index takes index template %q instead of %q", s.Template, Name)
	case write.ManagedBy == "Unmanaged":
		wrong = write.Name + " is under no retention"
	default:
		return nil
	}
	return fmt.Errorf("data stream %s: %s; run auditship setup: %w", name, wrong, ErrWrongDestination)
}
