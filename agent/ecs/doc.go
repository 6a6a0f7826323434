// Package ecs turns an audit record into a document in Elastic Common Schema
// and computes its _id.
//
// The document is one line of JSON that Elasticsearch takes whatever the record
// holds: duplicate keys are reduced to the last, text that is not UTF-8 is
// repaired, and what the field type flattened refuses is carried as text
// (flattened.go has the list). What the record leaves out and can be known from
// the rest of it is derived: category, type and outcome of the event, type and
// name of the resource.
//
// It does not mask; its input is masked. It does not decide which records were
// seen before; Identity only names them.
//
// A Builder, an Identity and a Base belong to one goroutine; Names, the memory
// of resource names, may be shared. The package starts no goroutine and returns
// no errors: every record has a document.
package ecs
