// Package mask hides the secrets of audit records before anything else is done
// with them: before decoding, queueing, dead letters and logs.
//
// [Load] compiles the built-in rules and a user's rules files, or says
// everything that is wrong with them at once as [Errors]. [Rules.NewMasker]
// gives each goroutine a [Masker], whose Mask works on the record's own bytes:
// one pass over the JSON tokens, no decoding into maps, nothing copied where
// nothing is found. Keys are compared after unescaping, duplicate members are
// all masked, numbers keep their text, and what no rule touches keeps its
// bytes.
//
// A rule selects values by path, by the name of their key anywhere, by a
// detector that knows a kind of secret by its looks, or by a regular
// expression. id, event_time, resource_id and operator.id, which identify a
// record, are touched only by a rule that names them by path.
//
// It fails closed: what cannot be looked into is replaced, a panic replaces
// the whole record, and a text that is no JSON is masked as text. It is not a
// validator of records and not a search for unknown secrets by entropy, which
// would take ids and digests too.
//
// Rules never change and may be shared; a Masker belongs to one goroutine. The
// package starts none. Only Load returns errors; they never hold a key's
// material or a record's content.
package mask
