package telemetry

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// meter gathers the metrics of one process between two lines. It is safe for
// concurrent use.
type meter struct {
	mu     sync.Mutex
	values map[Metric][]float64
}

// add counts n more.
func (m *meter) add(metric Metric, n float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values = map[Metric][]float64{}
	}
	if len(m.values[metric]) == 0 {
		m.values[metric] = []float64{0}
	}
	m.values[metric][0] += n
}

// observe takes down one measurement.
func (m *meter) observe(metric Metric, value float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values = map[Metric][]float64{}
	}
	m.values[metric] = append(m.values[metric], value)
}

// take returns what was gathered since the last time.
func (m *meter) take() map[Metric][]float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.values
	m.values = nil
	return taken
}

// Limits of the embedded metric format.
const (
	mostValues  = 100 // of one metric in a document
	mostMetrics = 100 // in a directive
)

// emf is the metadata of a document in CloudWatch's embedded metric format. The values are
// members of the document itself, under the names of metrics and dimensions.
// Specification: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type emf struct {
	Timestamp  int64       `json:"Timestamp"` // milliseconds since 1970
	Directives []directive `json:"CloudWatchMetrics"`
}

type directive struct {
	Namespace  string       `json:"Namespace"`
	Dimensions [][]string   `json:"Dimensions"`
	Metrics    []metricUnit `json:"Metrics"`
}

type metricUnit struct {
	Name Metric `json:"Name"`
	Unit Unit   `json:"Unit"`
}

// The dimensions.
const (
	dimensionStack    = "Stack"
	dimensionFunction = "Function"
)

// directiveFor declares the metrics of a document, in the order of their names.
func directiveFor(at time.Time, values map[Metric][]float64) emf {
	metrics := make([]metricUnit, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		metrics = append(metrics, metricUnit{name, name.unit()})
	}
	return emf{Timestamp: at.UnixMilli(), Directives: []directive{{
		Namespace: Namespace, Dimensions: [][]string{{dimensionStack, dimensionFunction}}, Metrics: metrics,
	}}}
}

// documents splits what was gathered into what fits into one document each.
func documents(values map[Metric][]float64) []map[Metric][]float64 {
	docs := []map[Metric][]float64{{}}
	for metric, all := range values {
		i := 0
		for chunk := range slices.Chunk(all, mostValues) {
			if i == len(docs) {
				docs = append(docs, map[Metric][]float64{})
			}
			docs[i][metric] = chunk
			i++
		}
	}
	return docs
}
