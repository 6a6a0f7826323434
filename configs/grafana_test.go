package configs

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"testing"
)

// grafana is as much of a dashboard of Grafana as is checked here.
type grafana struct {
	UID, Title string
	Panels     []struct {
		ID                 int
		Title, Description string
		GridPos            struct{ X, Y, W, H int }
		Datasource         struct{ UID string }
		Targets            []struct{ Expr, RefID string }
	}
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

// Whatever a panel asks for is something that the agent says.
func TestGrafanaKnowsTheMetrics(t *testing.T) {
	text, err := os.ReadFile("grafana/auditship.json")
	if err != nil {
		t.Fatal(err)
	}
	var d grafana
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || d.Title == "" || len(d.Panels) == 0 {
		t.Fatalf("%+v", d)
	}
	metric := regexp.MustCompile(`\bauditship_\w+`)
	var asked []string
	for _, v := range d.Templating.List {
		asked = append(asked, metric.FindAllString(v.Definition, -1)...)
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			asked = append(asked, metric.FindAllString(target.Expr, -1)...)
		}
	}
	// With Elasticsearch away no record is held, so the time of the newest is not said.
	asked = slices.DeleteFunc(asked, func(name string) bool { return name == "auditship_newest_record_timestamp_seconds" })
	said := metricsOfAnAgentInTrouble(t, asked)
	for _, name := range asked {
		if !said[name] && !said[name+"_count"] {
			t.Errorf("%s is no metric of the agent", name)
		}
	}
}

func TestGrafanaPanelsHaveTheirPlace(t *testing.T) {
	text, err := os.ReadFile("grafana/auditship.json")
	if err != nil {
		t.Fatal(err)
	}
	var d grafana
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	taken := map[[2]int]string{}
	var ids []int
	for _, p := range d.Panels {
		if slices.Contains(ids, p.ID) || p.Title == "" || p.Description == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("panel %d %q", p.ID, p.Title)
		}
		ids = append(ids, p.ID)
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 { // Grafana's grid
					t.Fatalf("%s lies over %s or beyond the edge", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
