// Package csvrows reads the rows of CSV files as records: what the gateway exports,
// and what spreadsheets make of it.
//
// A file is one if a line near its start names at least two of a record's members, by
// their keys, by the titles of the gateway's audit page in English or Chinese, or by
// what the configuration renames (Read). Titles and comments may stand before that
// line, and Excel's sep=. Cells are separated by a comma, semicolon, tab or bar; lines
// end with LF, CRLF or CR, also mixed.
//
// A Table is what the header says; it never changes and can be made again from the
// start of the file. Rows cuts a stretch of the file into rows and faults, and Append
// writes a row as the JSON text of a record. The same row always becomes the same
// text: the _id of a record without an id is made of it.
//
// A row that cannot be what was written is a fault and not a record: too many cells,
// a quote where none may be, an id that a spreadsheet has rounded. Rows keep going
// behind it at the next line that is a whole row.
//
// The package reads no files, decodes no values, and starts no goroutine.
package csvrows
