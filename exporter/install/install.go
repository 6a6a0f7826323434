package install

import "fmt"

// State says how something on a server stands to what is shipped.
type State string

// The states.
const (
	Current State = "current" // as shipped: nothing is to be done
	Missing State = "missing" // it is not there, and is created
	// Outdated is as an earlier release, or another configuration, installed it:
	// nobody changed it since, so it is updated.
	Outdated State = "outdated"
	// Changed is in no form that was ever shipped: a person changed it, or made
	// it. It is left alone unless forced.
	Changed State = "changed"
	// Deletes would make the server delete records, at once or earlier than now.
	// It is left alone unless forced.
	Deletes State = "would delete records"
)

// Due says whether something in that state is to be done.
func (s State) Due(force bool) bool {
	return s == Missing || s == Outdated || force && (s == Changed || s == Deletes)
}

// Item is one thing that a plan is about.
type Item struct {
	Name  string // for example "index template logs-api7.audit"
	State State
	// Details say how it differs from what is shipped and what doing it would
	// delete, one line each.
	Details []string
	// Done is what is reported once it is done; "" for the usual "created",
	// "updated" or "replaced" and Name.
	Done string
}

// Report says in the past what was done to the item.
func (i Item) Report() string {
	if i.Done != "" {
		return i.Done
	}
	verbs := map[State]string{Missing: "created", Outdated: "updated", Changed: "replaced", Deletes: "replaced"}
	return verbs[i.State] + " " + i.Name
}

// Plan is what an installation on one server would do.
type Plan struct {
	Server string // for example "Elasticsearch 8.19.9"
	Items  []Item
	Notes  []string // what else is to be known, a line each
}

// In counts the items in a state.
func (p Plan) In(s State) int {
	n := 0
	for _, i := range p.Items {
		if i.State == s {
			n++
		}
	}
	return n
}

// Result is what a check came to.
type Result string

// The results.
const (
	OK     Result = "ok"
	Failed Result = "FAILED"
	// Unproven is neither: a person changed what is theirs to change, or the user
	// may not look at it.
	Unproven Result = "unproven"
)

// Check is one fact that a proof looked at.
type Check struct {
	Subject string // what it is about: a policy, a data stream
	Name    string // a constant such as "delete.min_age"
	Result  Result
	Detail  string // what was found and, if it is wrong, what to do
}

// String is a line such as
//
//	ok       data stream logs-api7.audit-default: mapping: .ds-... is up to date
func (c Check) String() string {
	return fmt.Sprintf("%-8s %s: %s: %s", c.Result, c.Subject, c.Name, c.Detail)
}

// With gives the checks that came to a result.
func With(r Result, checks []Check) []Check {
	var list []Check
	for _, c := range checks {
		if c.Result == r {
			list = append(list, c)
		}
	}
	return list
}
