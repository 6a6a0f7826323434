// Package shape reads texts in which secrets stand that only their names or
// neighbours give away: pairs (forms, queries, cookies, connection strings,
// environment files, YAML, headers), elements of XML, fields of multipart
// bodies, messages that quote a value, and texts inside texts (base64,
// percent-encoding, HTML entities).
//
// Each shape is a function over a text. It asks a [Reader] what the rules say
// about the names it comes across, and leaves there which stretches go, by
// which rule. It replaces nothing itself and knows neither rules files nor
// places of a record. Every function takes time linear in the text: what could
// be read again and again is bounded. The package starts no goroutines.
package shape
