package config

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/auditship/auditship/agent/event"
)

// The values of Input.Type.
const (
	TypeFile = "file" // log files and exports
	TypeAPI  = "api"  // the gateway's audit API
)

// Input is one place records are read from. After Parse its Gateway, Rename
// and Tags are complete: what the top level says is already in them.
type Input struct {
	// Type is file or api. Needed.
	Type string `yaml:"type" is:"inputtype"`

	// ID names the saved positions of this input. It must be unique; under a
	// new id everything is read again (and found to be there already). Letters,
	// digits, dot, dash and underscore. Needed.
	ID event.InputID `yaml:"id" is:"inputid" like:"name"`

	// Gateway overrides the top level's gateway for this input.
	Gateway string `yaml:"gateway,omitempty" is:"label"`

	// Rename adds to the top level's rename and wins over it.
	Rename map[string]string `yaml:"rename,omitempty" is:"recordname"`

	// Tags are added to the top level's tags.
	Tags StringList `yaml:"tags,omitempty" is:"label" like:"labels"`

	// What follows holds the keys of one type of input each. Only that of Type
	// is not nil. In the file they stand beside type and id.
	File *FileInput `yaml:"-" when:"file"`
	API  *APIInput  `yaml:"-" when:"api"`

	written *Input // as it stood in the file, before the top level was added
}

// typeOfInput is the keys of one type of input.
type typeOfInput interface {
	// setDefaults is called by the decoder when it makes one for a key of the file.
	setDefaults()
	// check notes what takes more than one key to see. at is the input's own key.
	check(d *decoder, at string, cfg *Config)
	// Location is the zone of times that name none.
	Location() *time.Location
	// holdsAnswers and learnsNames: see Input.
	holdsAnswers() bool
	learnsNames() bool
}

// own is the keys of the input's own type, nil where there are none.
func (in Input) own() typeOfInput {
	v := reflect.ValueOf(in)
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("when") == in.Type && in.Type != "" && !v.Field(i).IsNil() {
			return v.Field(i).Interface().(typeOfInput)
		}
	}
	return nil
}

// Location is the zone of times in the input's records that name none.
func (in Input) Location() *time.Location {
	if own := in.own(); own != nil {
		return own.Location()
	}
	return time.UTC
}

// HoldsAnswers says that what is read as one record may be a whole answer of the
// audit API, with its list of records, as people save them.
func (in Input) HoldsAnswers() bool {
	own := in.own()
	return own != nil && own.holdsAnswers()
}

// LearnsNames says that the input can ask its gateway for the display names of event
// types.
func (in Input) LearnsNames() bool {
	own := in.own()
	return own != nil && own.learnsNames()
}

// InputTypes are the values of Input.Type.
func InputTypes() []string {
	var types []string
	for t, i := reflect.TypeFor[Input](), 0; i < t.NumField(); i++ {
		if when := t.Field(i).Tag.Get("when"); when != "" {
			types = append(types, when)
		}
	}
	return types
}

func inputType(_ *decoder, s string) (string, error) {
	if !slices.Contains(InputTypes(), s) {
		return "", errors.New("is not one of " + strings.Join(InputTypes(), ", "))
	}
	return s, nil
}

// MarshalYAML writes the keys of the input's type beside its common ones.
func (in Input) MarshalYAML() (any, error) {
	type common Input // without this method
	if in.written != nil {
		in = *in.written
	}
	var root, own yaml.Node
	if err := root.Encode(common(in)); err != nil {
		return nil, err
	}
	if keys := in.own(); keys != nil {
		if err := own.Encode(keys); err != nil {
			return nil, err
		}
		root.Content = append(root.Content, own.Content...)
	}
	return &root, nil
}
