package mask

import "testing"

func TestMasksField(t *testing.T) {
	builtin := Builtin()
	some := loadText(t, `
masking:
  defaults: off
  rules:
    - {id: ip, select: {path: ip_address}, action: truncate_ip}
    - {id: people, select: {path: operator}, action: redact}
    - {id: id, select: {path: resource_id}, action: redact}
    - {id: any-id, select: {path: "**.id"}, action: redact}
    - {id: mail, select: {detect: email, in: [token_name, error_message]}, action: redact}
    - {id: name, select: {key: resource_name}, action: redact}
    - {id: below, select: {path: http_request.body.x}, action: redact}
`)
	for path, want := range map[string][2]bool{ // built-in rules, the rules above
		"id": {false, false}, "event_time": {false, false}, "resource_id": {false, true}, "operator.id": {false, true},
		"ip_address": {false, true}, "operator.email": {false, true}, "operator.username": {false, true},
		"token_name": {false, true}, "source": {false, false}, "event_type": {false, false}, "resource_name": {false, true},
		"error_message": {true, true}, "http_request.uri": {true, false}, "http_request.body": {true, true},
		"http_request.method": {false, false}, "http_response.status_code": {false, false}, "resource_type": {false, false},
	} {
		if got := builtin.MasksField(path); got != want[0] {
			t.Errorf("the built-in rules and %s: %v", path, got)
		}
		if got := some.MasksField(path); got != want[1] {
			t.Errorf("other rules and %s: %v", path, got)
		}
	}
}
