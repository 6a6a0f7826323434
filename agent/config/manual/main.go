package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: manual FOLDER FILE.md SCHEMA.json")
		os.Exit(2)
	}
	if err := errors.Join(write(os.Args[1], os.Args[2]), writeSchema(os.Args[1], os.Args[3])); err != nil {
		fmt.Fprintln(os.Stderr, "manual:", err)
		os.Exit(1)
	}
}

const (
	begin = "<!-- config reference: begin -->\n"
	end   = "<!-- config reference: end -->"
)

var errNoPlace = errors.New("there is no place between " + strings.TrimSpace(begin) + " and " + end)

// write puts the reference into the file between the marks.
func write(source, target string) error {
	text, err := reference(source)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(target)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(content), begin)
	_, after, also := strings.Cut(rest, end)
	if !ok || !also {
		return fmt.Errorf("%s: %w", target, errNoPlace)
	}
	return os.WriteFile(target, []byte(before+begin+text+end+after), 0o644)
}

// section is a struct of the configuration.
type section struct {
	text string // its comment, without its name
	keys []entry
}

// entry is a field.
type entry struct {
	name string // the key; "" for a variant
	when string // of a variant: the type of input it belongs to
	text string // the comment, without the field's name
	typ  string // the struct below it, or ""
	list bool
}

// parse reads the structs and their comments in a folder's Go files.
func parse(source string) (map[string]section, error) {
	files, err := filepath.Glob(filepath.Join(source, "*.go"))
	if err != nil {
		return nil, err
	}
	w := writer{sections: map[string]section{}}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			if general, ok := decl.(*ast.GenDecl); ok && general.Tok == token.TYPE {
				w.add(general)
			}
		}
	}
	return w.sections, nil
}

// reference is the Markdown text made from the types in a folder's Go files.
func reference(source string) (string, error) {
	sections, err := parse(source)
	if err != nil {
		return "", err
	}
	w := writer{sections: sections}
	root := sections["Config"]
	w.prose("\n## Configuration\n\n")
	w.prose(wrap("A value may hold references: `${NAME}` and `${NAME:default}` read the environment, "+
		"`${file:PATH}` a file, `$$` is one dollar sign. Spans of time are written `90s`, `10m`, `7d12h`, `180d`; sizes `512KiB`, `8MiB`. "+
		"`auditship check` names every mistake; `auditship check --print` shows what is in use.", "") + "\n")
	w.keys(root, "")
	return w.b.String(), nil
}

type writer struct {
	sections map[string]section
	b        strings.Builder
}

// add takes the structs of a declaration.
func (w *writer) add(decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		typ, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		body, ok := typ.Type.(*ast.StructType)
		if !ok {
			continue
		}
		s := section{text: comment(decl.Doc, typ.Name.Name)}
		for _, field := range body.Fields.List {
			for _, name := range field.Names {
				e := newEntry(name.Name, field)
				if e.name != "" || e.when != "" {
					s.keys = append(s.keys, e)
				}
			}
		}
		if len(s.keys) > 0 {
			w.sections[typ.Name.Name] = s
		}
	}
}

func newEntry(name string, field *ast.Field) entry {
	tag := reflect.StructTag("")
	if field.Tag != nil {
		if text, err := strconv.Unquote(field.Tag.Value); err == nil {
			tag = reflect.StructTag(text)
		}
	}
	e := entry{when: tag.Get("when"), text: comment(field.Doc, name)}
	if key, _, _ := strings.Cut(tag.Get("yaml"), ","); key != "-" {
		e.name = key
	}
	switch typ := field.Type.(type) {
	case *ast.Ident:
		e.typ = typ.Name
	case *ast.StarExpr:
		e.typ = fmt.Sprint(typ.X)
	case *ast.ArrayType:
		e.typ, e.list = fmt.Sprint(typ.Elt), true
	}
	return e
}

// comment is a doc comment in one line, without the name that it begins with.
func comment(doc *ast.CommentGroup, name string) string {
	return strings.TrimPrefix(strings.Join(strings.Fields(doc.Text()), " "), name+" ")
}

// keys writes the keys of a section, then the sections below it. path is what
// stands before the keys' names.
func (w *writer) keys(s section, path string) {
	var below []entry
	for _, e := range s.keys {
		if _, isSection := w.sections[e.typ]; isSection {
			below = append(below, e)
			continue
		}
		w.prose(wrap("- **`"+path+e.name+"`** "+marked(e.text), "  "))
	}
	for _, e := range below {
		sub := w.sections[e.typ]
		switch {
		case e.when != "":
			w.prose("\nWith `type: " + e.when + "`:\n\n")
			w.prose(wrap(marked("An input of this type "+sub.text), "") + "\n")
			w.keys(sub, path)
		case e.list:
			w.prose("\n### `" + path + e.name + "`\n\n" + wrap(marked("They "+e.text), "") + "\n")
			w.keys(sub, path)
		default:
			w.prose("\n### `" + path + e.name + "`\n\n" + wrap(marked("It "+e.text), "") + "\n")
			w.keys(sub, path+e.name+".")
		}
	}
}

func (w *writer) prose(text string) { w.b.WriteString(text) }

// What a reader may copy: a default of one word, and names with an underscore.
var (
	defaultValue = regexp.MustCompile(`Default: ([^ ]+?)(\.$|, )`)
	underscored  = regexp.MustCompile(`[A-Za-z]*_[A-Za-z_]+`)
)

// marked sets apart what a reader may copy, and keeps Markdown from eating stars.
func marked(text string) string {
	text = strings.NewReplacer("**", "`**`", "<", "&lt;").Replace(text)
	text = underscored.ReplaceAllString(text, "`$0`")
	return defaultValue.ReplaceAllStringFunc(text, func(m string) string {
		if m == "Default: none." {
			return m
		}
		return defaultValue.ReplaceAllString(m, "Default: `$1`$2")
	})
}

// wrap breaks text into lines of at most 88 characters; all but the first begin
// with indent.
func wrap(text, indent string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len([]rune(word)) > 88:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len([]rune(word))
	}
	return b.String() + "\n"
}
