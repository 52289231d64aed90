// Command licenses reads a CycloneDX bill of materials from its standard input and fails if a
// component has a licence that this project does not accept, or none that was found.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
)

// accepted are licences that ask for no more than to be named.
var accepted = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0"}

// read are components whose licence the detector misses or mistakes, as a person read it.
var read = map[string]string{
	"github.com/oasdiff/yaml": "MIT",          // its file holds two licences, MIT and BSD-3-Clause
	"golang.org/x/sync":       "BSD-3-Clause", // taken for BSD-Source-Code
	"golang.org/x/sys":        "BSD-3-Clause",
	"golang.org/x/term":       "BSD-3-Clause",
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "licenses: %v\n", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(in, cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		return fmt.Errorf("read the bill of materials: %w", err)
	}
	if bom.Components == nil || len(*bom.Components) == 0 {
		return errors.New("the bill of materials is empty")
	}
	var refused []error
	for _, component := range *bom.Components {
		for _, license := range licenses(component) {
			if !slices.Contains(accepted, license) {
				refused = append(refused, fmt.Errorf("%s %s: %s", component.Name, component.Version, license))
			}
		}
	}
	if len(refused) == 0 {
		fmt.Fprintf(out, "%d components, all under an accepted licence\n", len(*bom.Components))
	}
	return errors.Join(refused...)
}

// licenses returns the SPDX names of a component's licences.
func licenses(component cyclonedx.Component) []string {
	if license, ok := read[component.Name]; ok {
		return []string{license}
	}
	var names []string
	if component.Licenses != nil {
		for _, choice := range *component.Licenses {
			if choice.License != nil {
				names = append(names, choice.License.ID)
			} else {
				names = append(names, choice.Expression)
			}
		}
	}
	if len(names) == 0 {
		return []string{"no licence was found"}
	}
	return names
}
