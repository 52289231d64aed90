package localstack

import (
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

// withVariables writes a copy of a built template in which functions have other values
// of environment variables, or more of them. The SAM CLI's own way, --env-vars, reaches only
// variables that the template declares, and AWS_ENDPOINT_URL has no place in what is deployed.
// The key "" means every function.
func withVariables(from, to string, variables map[string]map[string]string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return fmt.Errorf("read %s: %w", from, err)
	}
	for function, values := range variables {
		path := []string{"Resources", function, "Properties", "Environment", "Variables"}
		if function == "" {
			path = []string{"Globals", "Function", "Environment", "Variables"}
		}
		mapping, err := member(&document, path...)
		if err != nil {
			return fmt.Errorf("read %s: %w", from, err)
		}
		for name, value := range values {
			setText(mapping, name, value)
		}
	}
	if text, err = yaml.Marshal(&document); err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	return os.WriteFile(to, text, 0o644)
}

// member returns the mapping at the path below a document.
func member(document *yaml.Node, path ...string) (*yaml.Node, error) {
	at := document
	if at.Kind == yaml.DocumentNode {
		at = at.Content[0]
	}
	for _, key := range path {
		next := value(at, key)
		if next == nil || next.Kind != yaml.MappingNode {
			return nil, fmt.Errorf("no mapping %s in %v", key, path)
		}
		at = next
	}
	return at, nil
}

// value returns what a mapping has under a key, nil for nothing.
func value(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

func setText(mapping *yaml.Node, key, text string) {
	scalar := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	if found := value(mapping, key); found != nil {
		*found = scalar
		return
	}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, &scalar)
}
