// Package mappings installs what Elasticsearch needs before the first document
// arrives: the ILM policy, component and index templates and the roles, which
// are JSON files under assets, embedded. It shows the difference to what is
// installed and to what a shorter retention would delete (Target.Plan), applies it,
// rolls a data stream over when its mapping changed, and proves the result on every
// backing index (Target.Verify). CheckDestination says what the next write will hit.
//
// Every object carries who made it and a fingerprint of its content in its
// _meta. So an older version of ours, which is replaced, can be told from what
// a person changed, which is left alone unless forced. The place for a person's
// own settings and fields is the component template logs-api7.audit@custom,
// which this package never touches.
//
// It does not write documents, it does not delete anything, and it does not run
// retention: ILM does (or, on Elastic Cloud Serverless, the data stream
// lifecycle).
//
// It starts no goroutines. Errors of the server are *exporter.Error, wrapped
// with the object they are about.
package mappings
