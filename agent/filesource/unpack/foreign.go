package unpack

// Longest is how many bytes of a file Foreign looks at.
const Longest = 512

// signatures are how files begin that are not read.
var signatures = []struct {
	offset int
	magic  string
	name   string
}{
	{0, "PK\x03\x04", "zip archive (or a spreadsheet)"},
	{0, "PK\x05\x06", "empty zip archive"},
	{0, "PK\x07\x08", "zip archive in parts"},
	{257, "ustar", "tar archive"},
	{0, "7z\xbc\xaf\x27\x1c", "7z archive"},
	{0, "Rar!\x1a\x07", "rar archive"},
	{0, "\x04\x22\x4d\x18", "lz4 file"},
	{0, "\x02\x21\x4c\x18", "lz4 file of the old format"},
	{0, "\x1f\x9d", "file of compress (.Z)"},
	{0, "\x1f\xa0", "file of compress (.Z)"},
	{0, "\x89LZO\x00\r\n\x1a\n", "lzop file"},
	{0, "LZIP\x01", "lzip file"},
	{0, "\x5d\x00\x00", "lzma file"},
	{0, "\xff\x06\x00\x00sNaPpY", "snappy file"},
	{0, "!<arch>\n", "ar archive"},
	{0, "070701", "cpio archive"},
	{0, "MSCF", "cabinet archive"},
	{0, "SQLite format 3\x00", "SQLite database"},
	{0, "PAR1", "Parquet file"},
	{0, "ORC", "ORC file"},
	{0, "Obj\x01", "Avro file"},
	{0, "ElfFile\x00", "Windows event log"},
	{0, "LPKSHHRH", "systemd journal"},
	{0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Office document"},
	{0, "%PDF-", "PDF document"},
	{0, "\x7fELF", "program"},
	{0, "\x89PNG\r\n\x1a\n", "picture"},
	{0, "\xff\xd8\xff", "picture"},
	{0, "\xd4\xc3\xb2\xa1", "packet capture"},
	{0, "\x0a\x0d\x0d\x0a", "packet capture"},
	{0, "-----BEGIN PGP MESSAGE", "encrypted message"},
	{0, "age-encryption.org/", "encrypted file"},
	{0, "Salted__", "encrypted file"},
}

// Foreign names the format of a file that begins with head, where it is one that
// holds no text to read: "zip archive" and so on; "" for anything else. head may be
// of a file or of what was decompressed.
func Foreign(head []byte) string {
	for _, s := range signatures {
		if len(head) >= s.offset && begins(head[s.offset:], s.magic) {
			return s.name
		}
	}
	return ""
}
