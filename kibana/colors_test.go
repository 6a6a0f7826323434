package kibana

import (
	"math"
	"strconv"
	"testing"
)

// Outcomes have one colour everywhere.
func TestR20OutcomesHaveOneColourEach(t *testing.T) {
	colours := map[string]string{}
	for _, o := range ofType(t, "lens") {
		var mappings []colorMapping
		l := unmarshal[storedLens](t, o.Attributes)
		switch l.VisualizationType {
		case "lnsXY":
			for _, layer := range unmarshal[lensXY](t, l.State.Visualization).Layers {
				if layer.ColorMapping.PaletteID != "" {
					mappings = append(mappings, layer.ColorMapping)
				} else if l.State.DatasourceStates.FormBased.Layers[layer.LayerID].Columns[layer.SplitAccessor].SourceField == "event.outcome" {
					t.Errorf("%s leaves the colours of outcomes to chance", o.ID)
				}
			}
		case "lnsPie":
			for _, layer := range unmarshal[lensPie](t, l.State.Visualization).Layers {
				mappings = append(mappings, layer.ColorMapping)
			}
		}
		for _, m := range mappings {
			for _, a := range m.Assignments {
				value, colour := a.Rule.Values[0], a.Color.ColorCode
				if other := colours[value]; other != "" && other != colour {
					t.Errorf("%s is %s in one chart and %s in %s", value, other, colour, o.ID)
				}
				colours[value] = colour
			}
		}
	}
	for _, set := range [][]string{{"success", "failure", "unknown"}, {"dashboard", "api", "adc"}} {
		for i, a := range set {
			if colours[a] == "" {
				t.Errorf("%s has no colour", a)
				continue
			}
			for _, b := range set[:i] {
				checkApart(t, a, b, rgb(t, colours[a]), rgb(t, colours[b]))
			}
			for name, ground := range map[string]string{"light": "#FFFFFF", "dark": "#1D1E24"} {
				if c := contrast(rgb(t, colours[a]), rgb(t, ground)); c < 3 { // WCAG 2.1, 1.4.11
					t.Errorf("%s has a contrast of %.1f on %s", a, c, name)
				}
			}
		}
	}
}

// What red, green and blue become for the colour-blind, in linear light.
// Source: Machado, Oliveira, Fernandes: A Physiologically-based Model for
// Simulation of Color Vision Deficiency (2009), severity 1.0.
var blindness = map[string][3][3]float64{
	"no deficiency": {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"protanopia":    {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"deuteranopia":  {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"tritanopia":    {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
}

// checkApart wants two colours to be told apart with every kind of vision: 20 in
// CIELAB, where 2 is just noticeable side by side.
func checkApart(t *testing.T, nameA, nameB string, a, b [3]float64) {
	t.Helper()
	for kind, m := range blindness {
		if d := distance(lab(seen(m, a)), lab(seen(m, b))); d < 20 {
			t.Errorf("%s and %s are %.0f apart with %s", nameA, nameB, d, kind)
		}
	}
}

// rgb is a colour in linear light, 0 to 1.
func rgb(t *testing.T, hex string) (c [3]float64) {
	t.Helper()
	for i := range c {
		v, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		if c[i] = float64(v) / 255; c[i] <= 0.04045 {
			c[i] /= 12.92
		} else {
			c[i] = math.Pow((c[i]+0.055)/1.055, 2.4)
		}
	}
	return c
}

func seen(m [3][3]float64, c [3]float64) (s [3]float64) {
	for i := range s {
		s[i] = min(1, max(0, m[i][0]*c[0]+m[i][1]*c[1]+m[i][2]*c[2]))
	}
	return s
}

func luminance(c [3]float64) float64 { return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] }

func contrast(a, b [3]float64) float64 {
	x, y := luminance(a)+0.05, luminance(b)+0.05
	return max(x, y) / min(x, y)
}

// lab is CIELAB with the white of sRGB, D65.
func lab(c [3]float64) [3]float64 {
	f := func(v float64) float64 {
		if v > 216.0/24389 {
			return math.Cbrt(v)
		}
		return (24389.0/27*v + 16) / 116
	}
	x := f((0.4124*c[0] + 0.3576*c[1] + 0.1805*c[2]) / 0.9505)
	y := f(luminance(c))
	z := f((0.0193*c[0] + 0.1192*c[1] + 0.9505*c[2]) / 1.089)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

func distance(a, b [3]float64) float64 {
	return math.Sqrt((a[0]-b[0])*(a[0]-b[0]) + (a[1]-b[1])*(a[1]-b[1]) + (a[2]-b[2])*(a[2]-b[2]))
}
