// Package eventtime reads the time of a record in every form that gateways, log
// shippers, databases and spreadsheets write it: as a number of seconds down to
// nanoseconds, RFC 3339 and its relatives, RFC 1123, dates with the names of months,
// and the pages' own form with AM and PM in English and Chinese.
//
// What can be read in two ways is not read: a wrong time puts a record where nobody
// looks for it. Then Read returns a Fault that says what is wrong and shows the
// form of the text, every digit as 9 and every letter as a, but nothing of what the
// text says.
//
// Read is a pure function; the package holds no state and starts no goroutine.
package eventtime
