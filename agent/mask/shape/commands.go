package shape

import (
	"bytes"

	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/rule"
)

// given says how a flag is given its secret.
type given byte

const (
	next     given = iota // in the next word, or in the same one
	glued                 // in the same word only: -pSECRET
	user                  // next, as user:SECRET
	percent               // next, as user%SECRET
	prefixed              // next, as pass:SECRET
	third                 // no flag: in the third word behind
	second                // no flag: in the second word behind
	slash                 // no flag: the first word behind, as user/SECRET@db
)

// flag is a flag of a program whose value is secret.
type flag struct {
	name string
	how  given
}

// needed is a word that has to come before the flags of a program mean secrets: of
// docker login -p, not of docker run -p.
var needed = map[string]string{"docker": "login", "podman": "login", "helm": "login", "nerdctl": "login", "skopeo": "login", "oras": "login", "crane": "login", "net": "use"}

// programs are the programs that take secrets on their command line, with the flags
// that do not say so by their names.
var programs = func() map[string][]flag {
	found := map[string][]flag{}
	add := func(names string, flags ...flag) {
		for _, name := range bytes.Fields([]byte(names)) {
			found[string(name)] = flags
		}
	}
	add("curl", flag{"-u", user}, flag{"--user", user}, flag{"-U", user}, flag{"--proxy-user", user}, flag{"--oauth2-bearer", next}, flag{"--pass", next})
	add("httpie http https xh", flag{"-a", user}, flag{"--auth", user})
	add("etcdctl", flag{"--user", user})
	add("mysql mysqldump mysqladmin mysqlimport mysqlcheck mariadb mariadb-dump mycli", flag{"-p", glued})
	add("redis-cli valkey-cli keydb-cli", flag{"-a", next}, flag{"--pass", next})
	add("mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat cqlsh arangosh", flag{"-p", next})
	add("sshpass", flag{"-p", next})
	add("openssl", flag{"-k", next}, flag{"-K", next}, flag{"-pass", prefixed}, flag{"-passin", prefixed}, flag{"-passout", prefixed}, flag{"-hmac", next}, flag{"-macopt", prefixed})
	add("keytool jarsigner", flag{"-storepass", next}, flag{"-keypass", next}, flag{"-srcstorepass", next}, flag{"-deststorepass", next}, flag{"-destkeypass", next}, flag{"-srckeypass", next})
	add("ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldappasswd ldapcompare", flag{"-w", next}, flag{"-s", next})
	add("docker podman helm nerdctl skopeo oras crane", flag{"-p", next}, flag{"--creds", user})
	add("smbclient rpcclient smbmap mount.cifs", flag{"-U", percent}, flag{"--user", percent})
	add("sqlcmd bcp isql osql tsql", flag{"-P", next})
	add("sqlplus sqlldr expdp impdp sqlcl rman", flag{"", slash})
	add("zip unzip", flag{"-P", next})
	add("7z 7za 7zz rar unrar", flag{"-p", glued})
	add("snmpwalk snmpget snmpset snmpbulkwalk", flag{"-A", next}, flag{"-X", next}, flag{"-c", next})
	add("ipmitool mosquitto_pub mosquitto_sub mqttx", flag{"-P", next})
	add("htpasswd", flag{"-b", third}, flag{"-bc", third}, flag{"-cb", third}, flag{"-Bb", third}, flag{"-bB", third}, flag{"-cBb", third}, flag{"-bBc", third}, flag{"-nb", second}, flag{"-nbB", second}, flag{"-bnB", second}, flag{"-Bbn", second})
	add("rabbitmqctl", flag{"add_user", second}, flag{"change_password", second}, flag{"authenticate_user", second})
	add("net", flag{"use", third})
	add("machine", flag{"password", next}, flag{"account", next})
	add("az", flag{"-p", next})
	add("oc cf ibmcloud", flag{"-p", next})
	add("influx", flag{"-t", next}, flag{"-p", next})
	add("psql pg_dump pg_restore", flag{"-W", glued})
	add("gpg gpg2", flag{"--passphrase", next})
	add("xfreerdp wfreerdp", flag{"/p:", glued})
	add("useradd usermod", flag{"-p", next})
	add("consul nomad", flag{"-token", next})
	return found
}()

// CommandSigns are what a text holds in which Commands can find something: a flag,
// or a program that needs none.
var CommandSigns = []string{
	" -p", " -u", " -a", " -k", " -K", " -w", " -P", " -U", " -b", " -B", " -n", " -c", " -s", " -A", " -X", " -t", " -W", " -h", " -m", " --",
	" /p:", "-pass", "storepass", "keypass", "-token", "net use", "machine ", "abbitmqctl", "sqlplus ", "sqlldr ", "expdp ", "impdp ",
}

// Commands reads command lines: curl -u user:SECRET, mysql -pSECRET, redis-cli -a
// SECRET. What the name of a flag says, as --password does, is for Messages. Each
// word is read once.
func Commands(text []byte, r *Reader) {
	by := r.Ask([]byte("password")).Named
	if by == rule.None {
		return
	}
	c := commandLine{Reader: r, text: text, by: by}
	for i := 0; i < len(text); {
		switch text[i] {
		case '\n', ';', '|', '&':
			c.flags, c.waits = nil, ""
			i++
		case ' ', '\t', '\r', '(', ')':
			i++
		default:
			start, end, after := shellWord(text, i)
			c.word(start, end)
			i = max(after, i+1)
		}
	}
}

// commandLine is how far a command was read.
type commandLine struct {
	*Reader
	text  []byte
	by    rule.ID
	flags []flag // of the program, nil before one
	waits string // a word without which the flags mean nothing
	due   *flag  // the secret stands in the word that is so many words away
	away  int
}

// shellWord is the word that starts at i, without its quotes, and where the text
// goes on.
func shellWord(text []byte, i int) (start, end, after int) {
	if isQuote(text[i]) {
		if n := bytes.IndexByte(text[i+1:], text[i]); n >= 0 && bytes.IndexByte(text[i+1:i+1+n], '\n') < 0 {
			return i + 1, i + 1 + n, i + n + 2
		}
		return i, i + 1, i + 1
	}
	for end = i; end < len(text) && bytes.IndexByte([]byte(" \t\r\n;|&()"), text[end]) < 0; end++ {
		if isQuote(text[end]) && end > i && text[end-1] == '=' {
			if n := bytes.IndexByte(text[end+1:], text[end]); n >= 0 {
				return i, end + 1 + n, end + n + 2
			}
		}
	}
	for after = end; end > i && isQuote(text[end-1]); end-- {
	}
	return i, end, after
}

// word moves on over a word.
func (c *commandLine) word(start, end int) {
	word := c.text[start:end]
	if c.due != nil {
		if c.away--; c.away == 0 {
			how := c.due.how
			c.due = nil
			c.take(start, end, how)
		}
		return
	}
	if c.waits != "" {
		if string(word) != c.waits {
			return
		}
		c.waits = ""
	}
	for i := range c.flags {
		if c.flag(&c.flags[i], start, end) {
			return
		}
	}
	name := word[bytes.LastIndexByte(word, '/')+1:]
	if flags, ok := programs[string(name)]; ok {
		c.flags, c.waits = flags, needed[string(name)]
		if flags[0].how == slash {
			c.due, c.away = &flags[0], 1
		}
	}
}

// flag says whether a word is a flag, and takes its value or waits for it.
func (c *commandLine) flag(f *flag, start, end int) bool {
	word := c.text[start:end]
	if f.name == "" || !chars.HasPrefix(word, f.name) {
		return false
	}
	rest := start + len(f.name)
	if rest == end {
		switch f.how {
		case glued:
			return true
		case third:
			c.due, c.away = f, 3
		case second:
			c.due, c.away = f, 2
		default:
			c.due, c.away = f, 1
		}
		if f.name == "use" {
			c.away = 3 // net use DRIVE SHARE SECRET
		}
		return true
	}
	if long := len(f.name) > 2; long && f.how != glued && c.text[rest] != '=' || f.how == second || f.how == third {
		return false
	}
	if c.text[rest] == '=' {
		rest++
	}
	c.take(rest, end, f.how)
	return true
}

// take takes the secret in a word.
func (c *commandLine) take(start, end int, how given) {
	if start < end && isQuote(c.text[start]) {
		start++
	}
	word := c.text[start:end]
	at := 0
	switch how {
	case user:
		at = bytes.IndexByte(word, ':') + 1
	case percent:
		at = bytes.IndexByte(word, '%') + 1
	case prefixed:
		kind, _, found := bytes.Cut(word, []byte(":"))
		if k := string(kind); found && (k == "file" || k == "fd" || k == "env") || k == "stdin" {
			return
		}
		at = bytes.IndexByte(word, ':') + 1
	case slash:
		at = bytes.IndexByte(word, '/') + 1
		if n := bytes.IndexByte(word[at:], '@'); n > 0 {
			end = start + at + n
		}
	}
	if (how == user || how == percent || how == slash) && at == 0 || start+at >= end {
		return
	}
	if v := c.text[start+at : end]; v[0] == '$' || v[0] == '-' && how == next {
		return // a variable, or another flag
	}
	c.value(c.text, span(start+at, end), c.by)
}
