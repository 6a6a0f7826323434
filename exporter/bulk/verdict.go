package bulk

import (
	"errors"
	"regexp"

	"github.com/auditship/auditship/exporter"
)

// Kind is what became of a document.
type Kind uint8

// The verdicts. All are final.
const (
	// Indexed: Elasticsearch created it.
	Indexed Kind = iota + 1
	// Duplicate: it was there already, in the write index or an older one.
	Duplicate
	// FailureStored: Elasticsearch put it into the stream's failure store,
	// where nobody searches and which is kept for 30 days only.
	FailureStored
	// Refused: Elasticsearch will not take this document as it is.
	Refused
	// TooLarge: it is too large for a request of its own.
	TooLarge
)

func (k Kind) String() string {
	switch k {
	case Indexed:
		return "indexed"
	case Duplicate:
		return "duplicate"
	case FailureStored:
		return "failure_stored"
	case Refused:
		return "refused"
	case TooLarge:
		return "too_large"
	}
	return "unknown"
}

// Verdict is the final word on one document.
type Verdict struct {
	Kind Kind
	// Status is that of the item, of the request where there was no item, or 0
	// where Elasticsearch was not asked.
	Status int
	// Type and Field say why a document was not taken: Elasticsearch's
	// error.type and the field it named, "" where there was none. Never its
	// reason text.
	Type, Field string
}

// Types of a refusal that Elasticsearch was not asked about.
const (
	TypeMalformedSource = "malformed_source" // not one line that begins like an object
	TypeMalformedID     = "malformed_id"     // not 22 characters of base64url
)

// Reason is why documents wait or are sent again.
type Reason string

// The reasons. Those up to ReasonRejected hold until somebody does something,
// the others mostly pass by themselves.
const (
	ReasonUnauthorized  Reason = "unauthorized"   // 401: the key is not accepted
	ReasonForbidden     Reason = "forbidden"      // 403: a privilege is missing
	ReasonNotFound      Reason = "not_found"      // 404: no such stream, and none may be made
	ReasonBlocked       Reason = "blocked"        // a cluster or index block, for example a full disk
	ReasonClosed        Reason = "closed"         // the index is closed
	ReasonMisconfigured Reason = "misconfigured"  // template, pipeline, alias or shard limit
	ReasonRejected      Reason = "rejected"       // the whole request is refused, whatever is in it
	ReasonUnreachable   Reason = "unreachable"    // no connection
	ReasonOverloaded    Reason = "overloaded"     // 429
	ReasonServerError   Reason = "server_error"   // 408, 5xx
	ReasonAnswerLost    Reason = "answer_lost"    // the connection broke, or the answer is no bulk answer
	ReasonTooLarge      Reason = "request_larger" // 413: sent again in halves
)

// Lasting reports whether somebody has to do something before it gets better.
func (r Reason) Lasting() bool {
	switch r {
	case ReasonUnauthorized, ReasonForbidden, ReasonNotFound, ReasonBlocked,
		ReasonClosed, ReasonMisconfigured, ReasonRejected:
		return true
	}
	return false
}

// judgement is what one answer means for one document: a verdict, or a reason
// to send it again, possibly after a look-up because its fate is unknown.
type judgement struct {
	verdict Verdict // Kind 0: no verdict yet
	again   Reason
	doubt   bool
	detail  string // of again, for people; no reason text
}

// notTheDocument lists the errors with status 400 that blame the stream, its
// template or the cluster, so that another document would fare no better.
// Elasticsearch gives 400 to these as to a broken document. Where an item got
// no further than the stream its _index is the stream's name, and a backing
// index's name once a shard had the document (both seen on 8.19.9); "stream"
// says that the row is about the former only. Patterns begin at the reason's
// head, so that no value quoted in it can match.
var notTheDocument = []struct {
	errorType string
	stream    bool
	reason    *regexp.Regexp // nil: whatever the reason says
	why       Reason
	source    string
}{
	{"index_closed_exception", false, nil, ReasonClosed,
		"8.19.9: 400 for a closed write index"},
	{"cluster_block_exception", false, nil, ReasonBlocked,
		"8.19.9: 403 and 429 (flood stage); here in case a version answers 400"},
	{"validation_exception", true, nil, ReasonMisconfigured,
		"8.19.9: 400 'this action would add [1] shards' at cluster.max_shards_per_node"},
	{"illegal_argument_exception", true, regexp.MustCompile(`^pipeline with id \[`), ReasonMisconfigured,
		"8.19.9: 400 for an index.default_pipeline that does not exist"},
	{"illegal_argument_exception", true, regexp.MustCompile(`^no write index is defined for alias \[`), ReasonMisconfigured,
		"8.19.9: 400 when the stream's name is an alias of several indices"},
	{"illegal_argument_exception", true, regexp.MustCompile(`^(?:no )?matching index template |^data stream could not be created|^data_stream \[|^(?:index|composable) template \[`), ReasonMisconfigured,
		"MetadataCreateDataStreamService: the stream cannot be created from its template"},
	{"illegal_argument_exception", false, regexp.MustCompile(`^only write ops with an op_type of create are allowed in data streams`), ReasonMisconfigured,
		"TransportBulkAction: something on the way rewrote the operation"},
	{"mapper_parsing_exception", true, nil, ReasonMisconfigured,
		"MapperService: the template's mapping does not parse; a document's own errors come from a shard"},
	{"index_template_missing_exception", false, nil, ReasonMisconfigured,
		"IndexTemplateMissingException is a 404; here in case it is wrapped"},
	{"invalid_index_name_exception", false, nil, ReasonMisconfigured,
		"MetadataCreateIndexService: the namespace makes no valid name"},
	{"invalid_alias_name_exception", true, nil, ReasonMisconfigured,
		"AliasValidator: the template's alias is not valid"},
	{"resource_already_exists_exception", true, nil, ReasonServerError,
		"two writers made the stream at once; the next try finds it"},
	{"snapshot_in_progress_exception", true, nil, ReasonServerError,
		"SnapshotInProgressException is a 400 and passes"},
}

// judgeItem is the verdict table for one item of a bulk answer. onStream says
// that the item's _index is the stream itself.
func judgeItem(it *item, onStream bool) judgement {
	switch it.status {
	case 200, 201:
		if it.failureStored {
			return judgement{verdict: Verdict{Kind: FailureStored, Status: it.status}}
		}
		return judgement{verdict: Verdict{Kind: Indexed, Status: it.status}}
	case 409:
		return judgeConflict(it)
	}
	e := exporter.NewError(it.status, it.cause)
	if why, ok := trouble(e, it.cause, onStream); ok {
		// A 5xx leaves open whether the primary had it before it failed.
		return judgement{again: why, doubt: why == ReasonServerError, detail: e.Error()}
	}
	if it.status < 400 || it.status > 499 {
		// A status that no item has: what became of it is anybody's guess.
		return judgement{again: ReasonAnswerLost, doubt: true, detail: e.Error()}
	}
	v := Verdict{Kind: Refused, Status: it.status, Type: e.Type, Field: e.Field}
	if it.status == 413 {
		v.Kind = TooLarge
	}
	return judgement{verdict: v}
}

// judgeConflict: a create has one kind of conflict. Anything else with that
// status is no proof that the document is there.
func judgeConflict(it *item) judgement {
	if it.cause == nil || it.cause.Type == "" || it.cause.Type == conflict.Type {
		return judgement{verdict: Verdict{Kind: Duplicate, Status: it.status}}
	}
	return judgement{
		again:  ReasonServerError,
		doubt:  true,
		detail: exporter.NewError(it.status, it.cause).Error(),
	}
}

// trouble tells errors that are not a document's from those that are.
func trouble(e *exporter.Error, cause *exporter.Cause, onStream bool) (Reason, bool) {
	switch {
	case e.Type == "cluster_block_exception":
		return ReasonBlocked, true
	case e.Status == 401:
		return ReasonUnauthorized, true
	case e.Status == 403:
		return ReasonForbidden, true
	case e.Status == 404:
		return ReasonNotFound, true
	case e.Status == 429:
		return ReasonOverloaded, true
	case e.Status == 408 || e.Status >= 500:
		return ReasonServerError, true
	case e.Status != 400 || cause == nil:
		return "", false
	}
	for _, row := range notTheDocument {
		if row.errorType == cause.Type && (onStream || !row.stream) &&
			(row.reason == nil || row.reason.MatchString(cause.Reason)) {
			return row.why, true
		}
	}
	return "", false
}

// judgeRequest is the verdict table for an answer that is no bulk answer: a
// refusal of the whole request, by Elasticsearch or by something before it.
// alone says that the request held one document.
func judgeRequest(a exporter.Answer, alone bool) judgement {
	var e *exporter.Error
	if !errors.As(a.Err(), &e) {
		e = exporter.NewError(a.Status, nil)
	}
	why, known := trouble(e, nil, true)
	switch {
	case a.Status == 413 && alone:
		return judgement{verdict: Verdict{Kind: TooLarge, Status: a.Status, Type: e.Type}}
	case a.Status == 413:
		// Elasticsearch takes a request in as it comes, and a limit on the
		// unpacked size may strike when part of it is done: hence the doubt.
		return judgement{again: ReasonTooLarge, doubt: true}
	case known:
		// 5xx and 408 may come from a proxy that lost the answer.
		return judgement{again: why, doubt: why == ReasonServerError || a.Status >= 500, detail: e.Error()}
	}
	// Redirects to a login page, 400 of a TLS port, 405, 406, 411, 415: no
	// document is to blame, and none may be lost for it.
	return judgement{again: ReasonRejected, detail: e.Error()}
}
