package kibanatest

import (
	"encoding/json"
	"fmt"
)

// Chart is what a Lens object asks for.
type Chart struct {
	Columns map[string]Column
	Order   []string // the columns, buckets first, from the outer to the inner
	Query   Query    // the object's own filters
}

// Column is a column of a chart.
type Column struct {
	Label         string
	OperationType string
	SourceField   string
	Filter        *struct{ Query string }
	Params        struct {
		Size    int
		OrderBy struct{ ColumnID string }
		// OtherBucket gathers what is not among the first, MissingBucket what
		// has no value.
		OtherBucket, MissingBucket bool
	}
}

// NewChart reads the attributes of a Lens object of one layer.
func NewChart(attributes json.RawMessage) (Chart, error) {
	var a struct {
		State struct {
			DatasourceStates struct {
				FormBased struct {
					Layers map[string]struct {
						ColumnOrder []string
						Columns     map[string]Column
					}
				}
			}
			Query   struct{ Query string }
			Filters []struct{ Query Query }
		}
	}
	if err := json.Unmarshal(attributes, &a); err != nil {
		return Chart{}, fmt.Errorf("lens: %w", err)
	}
	layers := a.State.DatasourceStates.FormBased.Layers
	if len(layers) != 1 {
		return Chart{}, fmt.Errorf("lens: %d layers", len(layers))
	}
	own, err := KQL(a.State.Query.Query)
	if err != nil {
		return Chart{}, err
	}
	filter := []Query{own}
	for _, f := range a.State.Filters {
		filter = append(filter, f.Query)
	}
	c := Chart{Query: Query{"bool": Query{"filter": filter}}}
	for _, layer := range layers {
		c.Columns, c.Order = layer.Columns, layer.ColumnOrder
	}
	return c, nil
}

// Buckets are the columns that make rows, from the outer to the inner.
func (c Chart) Buckets() []string { return c.where(true) }

// Metrics are the columns that count or pick something of each row.
func (c Chart) Metrics() []string { return c.where(false) }

func (c Chart) where(bucket bool) []string {
	var ids []string
	for _, id := range c.Order {
		operation := c.Columns[id].OperationType
		if bucket == (operation == "terms" || operation == "date_histogram") {
			ids = append(ids, id)
		}
	}
	return ids
}

// Aggregations is what Lens asks for the columns: a bucket in each bucket, and in
// the innermost the metrics.
func (c Chart) Aggregations() (Query, error) { return c.inside(c.Buckets()) }

func (c Chart) inside(buckets []string) (Query, error) {
	aggs := Query{}
	if len(buckets) == 0 {
		for _, id := range c.Metrics() {
			if err := c.metric(id, aggs); err != nil {
				return nil, err
			}
		}
		return aggs, nil
	}
	id := buckets[0]
	inner, err := c.inside(buckets[1:])
	if err != nil {
		return nil, err
	}
	column := c.Columns[id]
	if column.OperationType == "date_histogram" {
		aggs[id] = Query{"date_histogram": Query{"field": column.SourceField, "fixed_interval": "12h"}, "aggs": inner}
		return aggs, nil
	}
	by := column.Params.OrderBy.ColumnID
	order := Query{by: "desc"}
	if c.Columns[by].OperationType == "count" && c.Columns[by].Filter == nil {
		order = Query{"_count": "desc"}
	} else if err := c.metric(by, inner); err != nil {
		return nil, err
	}
	terms := Query{"field": column.SourceField, "size": column.Params.Size, "order": order}
	if column.Params.MissingBucket {
		terms["missing"] = Missing
	}
	aggs[id] = Query{"terms": terms, "aggs": inner}
	return aggs, nil
}

// Missing is the key of the bucket of what has no value.
const Missing = "__missing__"

// metric adds what a metric column asks for.
func (c Chart) metric(id string, aggs Query) error {
	column := c.Columns[id]
	field := Query{"field": column.SourceField}
	switch column.OperationType {
	case "count":
		if column.Filter == nil {
			return nil // the bucket's own count
		}
		q, err := KQL(column.Filter.Query)
		if err != nil {
			return err
		}
		aggs[id] = Query{"filter": q}
	case "unique_count":
		aggs[id] = Query{"cardinality": field}
	case "min", "max":
		aggs[id] = Query{column.OperationType: field}
	case "last_value":
		aggs[id] = Query{
			"filter": Query{"exists": field},
			"aggs": Query{"last": Query{"top_hits": Query{
				"fields": []Query{field}, "_source": false, "size": 1, "sort": []Query{{"@timestamp": Query{"order": "desc"}}},
			}}},
		}
	default:
		return fmt.Errorf("lens: the operation %q of column %s is not known here", column.OperationType, id)
	}
	return nil
}

// Row is a row of a chart: the keys of its buckets, and its metrics by column.
type Row struct {
	Keys   []string
	Values map[string]any
}

// Rows reads the answer to Aggregations. Without buckets there is one row.
func (c Chart) Rows(total int, aggregations json.RawMessage) ([]Row, error) {
	if len(aggregations) == 0 {
		aggregations = json.RawMessage("{}")
	}
	var rows []Row
	err := c.walk(c.Buckets(), nil, total, aggregations, &rows)
	return rows, err
}

func (c Chart) walk(buckets, keys []string, count int, answer json.RawMessage, rows *[]Row) error {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(answer, &parts); err != nil {
		return fmt.Errorf("lens: answer: %w", err)
	}
	if len(buckets) == 0 {
		row := Row{Keys: keys, Values: map[string]any{}}
		for _, id := range c.Metrics() {
			v, err := c.value(id, count, parts[id])
			if err != nil {
				return err
			}
			row.Values[id] = v
		}
		*rows = append(*rows, row)
		return nil
	}
	var list struct{ Buckets []json.RawMessage }
	if err := json.Unmarshal(parts[buckets[0]], &list); err != nil {
		return fmt.Errorf("lens: buckets of %s: %w", buckets[0], err)
	}
	for _, b := range list.Buckets {
		var bucket struct {
			Key         any
			KeyAsString string `json:"key_as_string"`
			DocCount    int    `json:"doc_count"`
		}
		if err := json.Unmarshal(b, &bucket); err != nil {
			return fmt.Errorf("lens: bucket of %s: %w", buckets[0], err)
		}
		key := bucket.KeyAsString
		if key == "" {
			key = fmt.Sprint(bucket.Key)
		}
		inner := append(append([]string(nil), keys...), key)
		if err := c.walk(buckets[1:], inner, bucket.DocCount, b, rows); err != nil {
			return err
		}
	}
	return nil
}

// value reads a metric: counts are int, dates and last values are text.
func (c Chart) value(id string, count int, answer json.RawMessage) (any, error) {
	column := c.Columns[id]
	if column.OperationType == "count" && column.Filter == nil {
		return count, nil
	}
	var m struct {
		DocCount      int `json:"doc_count"`
		Value         float64
		ValueAsString string `json:"value_as_string"`
		Last          struct {
			Hits struct {
				Hits []struct{ Fields map[string][]any }
			}
		}
	}
	if err := json.Unmarshal(answer, &m); err != nil {
		return nil, fmt.Errorf("lens: metric %s: %w", id, err)
	}
	switch column.OperationType {
	case "count":
		return m.DocCount, nil
	case "unique_count":
		return int(m.Value), nil
	case "last_value":
		if len(m.Last.Hits.Hits) == 0 {
			return "", nil
		}
		return fmt.Sprint(m.Last.Hits.Hits[0].Fields[column.SourceField][0]), nil
	}
	return m.ValueAsString, nil
}
