// Package kibanatest asks Elasticsearch what Kibana asks for the objects and rules
// that this project ships: KQL, the aggregations of Lens, the searches of Discover.
//
// It is for tests alone and no Kibana: it knows the operations that the shipped
// objects use, in the form in which Kibana 8.12.2 was seen to send them, and
// refuses others. It owns no goroutine.
package kibanatest
