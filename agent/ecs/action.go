package ecs

// action is what was done: the event.type of the document.
type action byte

const (
	unknownAction action = iota
	access
	creation
	change
	deletion
	start
	finish
	info
)

// category is what it was done to: the event.category, and for iam whether it
// concerns users, groups of them, or what else belongs to identity and access: tokens
// and permission policies.
type category byte

const (
	unknownCategory category = iota
	configuration
	iamUser
	iamGroup
	iamAdmin
	authentication
)

// fragment is the category and type of an event as members of "event", each with a
// comma behind it. For each category ECS lists the types that may go with it; others
// become info. Without a category there is no type: no rule could use it.
//
// Source: https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-category
func fragment(c category, a action) string {
	switch c {
	case authentication:
		switch a {
		case start:
			return `"category":["authentication","session"],"type":["start"],`
		case finish:
			return `"category":["authentication","session"],"type":["end"],`
		}
		return `"category":["authentication"],"type":["info"],`
	case iamUser:
		return `"category":["iam"],"type":["user","` + a.changing() + `"],`
	case iamGroup:
		return `"category":["iam"],"type":["group","` + a.changing() + `"],`
	case iamAdmin:
		return `"category":["iam"],"type":["admin","` + a.changing() + `"],`
	case configuration:
		if a == access {
			return `"category":["configuration"],"type":["access"],`
		}
		return `"category":["configuration"],"type":["` + a.changing() + `"],`
	}
	return ""
}

// changing is the event.type of an action that changes something, else info.
func (a action) changing() string {
	switch a {
	case creation:
		return "creation"
	case change:
		return "change"
	case deletion:
		return "deletion"
	}
	return "info"
}

// fragments holds every fragment, made once.
type fragments [authentication + 1][info + 1]string

func newFragments() *fragments {
	var f fragments
	for c := range f {
		for a := range f[c] {
			f[c][a] = fragment(category(c), action(a))
		}
	}
	return &f
}

// methodAction is what an HTTP method does to a resource. A PUT creates what
// did not exist; the gateway then answers 201.
func methodAction(method []byte, status int) action {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS", "get", "head", "options":
		return access
	case "POST", "post":
		return creation
	case "PUT", "put":
		if status == 201 {
			return creation
		}
		return change
	case "PATCH", "patch":
		return change
	case "DELETE", "delete":
		return deletion
	}
	return unknownAction
}
