package kibanatest

import (
	"fmt"
	"strings"
	"unicode"
)

// Query is a query or an aggregation of Elasticsearch.
type Query = map[string]any

// KQL compiles a text of the Kibana Query Language. It knows and, or, not,
// parentheses around clauses and values, quoted phrases, ranges, and * as a value or
// in one.
func KQL(text string) (Query, error) {
	tokens, err := tokenize(text)
	if err != nil {
		return nil, fmt.Errorf("KQL %q: %w", text, err)
	}
	if len(tokens) == 0 {
		return Query{"match_all": Query{}}, nil
	}
	p := &parser{tokens: tokens}
	q, err := p.or(p.clause)
	if err == nil && p.next < len(tokens) {
		err = fmt.Errorf("%q comes too much", tokens[p.next].text)
	}
	if err != nil {
		return nil, fmt.Errorf("KQL %q: %w", text, err)
	}
	return q, nil
}

// Fields lists the fields that a text of KQL asks for, in its order.
func Fields(text string) ([]string, error) {
	tokens, err := tokenize(text)
	if err != nil {
		return nil, fmt.Errorf("KQL %q: %w", text, err)
	}
	var fields []string
	for i := 1; i < len(tokens); i++ {
		if isOperator(tokens[i]) {
			fields = append(fields, tokens[i-1].text)
		}
	}
	return fields, nil
}

type token struct {
	text   string
	quoted bool
}

func (t token) is(word string) bool { return !t.quoted && strings.EqualFold(t.text, word) }

func isOperator(t token) bool {
	return t.is(":") || t.is("<") || t.is("<=") || t.is(">") || t.is(">=")
}

func tokenize(text string) ([]token, error) {
	var tokens []token
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		n := 1
		switch c := rest[0]; {
		case c == '"':
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("a quote is not closed")
			}
			tokens = append(tokens, token{rest[1 : 1+end], true})
			rest = rest[end+2:]
			continue
		case strings.HasPrefix(rest, "<=") || strings.HasPrefix(rest, ">="):
			n = 2
		case strings.IndexByte("():<>", c) < 0:
			n = strings.IndexFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`():<>"`, r) })
			if n < 0 {
				n = len(rest)
			}
		}
		tokens = append(tokens, token{text: rest[:n]})
		rest = rest[n:]
	}
	return tokens, nil
}

// maxDepth bounds the parentheses inside each other.
const maxDepth = 50

type parser struct {
	tokens []token
	next   int
	depth  int
}

func (p *parser) take(word string) bool {
	if p.next < len(p.tokens) && p.tokens[p.next].is(word) {
		p.next++
		return true
	}
	return false
}

// or reads parts joined by or, each made of parts joined by and.
func (p *parser) or(part func() (Query, error)) (Query, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("more than %d levels", maxDepth)
	}
	defer func() { p.depth-- }()
	and := func() (Query, error) {
		return p.joined("and", part, func(all []Query) Query { return Query{"bool": Query{"filter": all}} })
	}
	return p.joined("or", and, anyOf)
}

func anyOf(some []Query) Query {
	return Query{"bool": Query{"should": some, "minimum_should_match": 1}}
}

func (p *parser) joined(word string, part func() (Query, error), join func([]Query) Query) (Query, error) {
	var parts []Query
	for {
		q, err := part()
		if err != nil {
			return nil, err
		}
		parts = append(parts, q)
		if !p.take(word) {
			break
		}
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return join(parts), nil
}

// clause is "not clause", "(clauses)" or a field with a value.
func (p *parser) clause() (Query, error) {
	if p.take("not") {
		if p.depth++; p.depth > maxDepth {
			return nil, fmt.Errorf("more than %d levels", maxDepth)
		}
		q, err := p.clause()
		p.depth--
		return Query{"bool": Query{"must_not": []Query{q}}}, err
	}
	if p.take("(") {
		return p.closed(p.clause)
	}
	if p.next+1 >= len(p.tokens) || !isOperator(p.tokens[p.next+1]) {
		return nil, fmt.Errorf("a field and a value are missing")
	}
	field, operator := p.tokens[p.next].text, p.tokens[p.next+1].text
	p.next += 2
	if operator != ":" {
		return p.compared(field, operator)
	}
	value := func() (Query, error) { return p.value(field) }
	if p.take("(") {
		return p.closed(value)
	}
	return value()
}

func (p *parser) closed(part func() (Query, error)) (Query, error) {
	q, err := p.or(part)
	if err == nil && !p.take(")") {
		err = fmt.Errorf("a parenthesis is not closed")
	}
	return q, err
}

func (p *parser) compared(field, operator string) (Query, error) {
	if p.next >= len(p.tokens) {
		return nil, fmt.Errorf("%s %s has no value", field, operator)
	}
	name := map[string]string{"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}[operator]
	q := Query{"range": Query{field: Query{name: p.tokens[p.next].text}}}
	p.next++
	return q, nil
}

func (p *parser) value(field string) (Query, error) {
	if p.take("not") {
		q, err := p.value(field)
		return Query{"bool": Query{"must_not": []Query{q}}}, err
	}
	if p.next >= len(p.tokens) || p.tokens[p.next].is("(") || p.tokens[p.next].is(")") {
		return nil, fmt.Errorf("%s has no value", field)
	}
	v := p.tokens[p.next]
	p.next++
	switch {
	case v.quoted:
		return Query{"match_phrase": Query{field: v.text}}, nil
	case v.text == "*":
		return Query{"exists": Query{"field": field}}, nil
	case strings.Contains(v.text, "*"):
		return Query{"wildcard": Query{field: Query{"value": v.text}}}, nil
	}
	return Query{"match": Query{field: v.text}}, nil
}
