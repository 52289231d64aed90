package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/api"
	"github.com/hailstone-rides/hailstone/internal/booking"
	"github.com/hailstone-rides/hailstone/internal/localstack"
)

// ready is what a developer needs to know of a stack that is ready.
type ready struct {
	Endpoints localstack.Endpoints       `json:"endpoints"`
	Tokens    map[localstack.Role]string `json:"tokens"`
	Logs      []string                   `json:"logs"`
	Env       string                     `json:"env"`
}

// The booking's id follows from rider and key, so the second command is known
// before the first has run.
var readyText = template.Must(template.New("ready").Parse(`
Book a ride:

  curl -i -X POST '{{.API}}/v1/bookings' \
    -H 'Authorization: Bearer {{.Rider}}' \
    -H 'Content-Type: application/json' \
    -H 'Idempotency-Key: {{.Key}}' \
    -d '{{.Body}}'

Read it back{{if .Paysim}} (confirmed once the payment is authorized){{end}}:

  curl -s '{{.API}}/v1/bookings/{{.ID}}' \
    -H 'Authorization: Bearer {{.Rider}}'

{{if .Paysim}}The same in one go:  go run ./cmd/hail book --wait

{{end}}API            {{.API}}
{{if .Paysim}}AWS emulator   {{.AWS}} (keys test/test, region {{.Region}})
Payments       {{.Paysim}}/_control/ledger
{{else}}DynamoDB       {{.AWS}} (keys test/test, region {{.Region}})
{{end -}}
For scripts    {{.Env}}
Logs           {{range $i, $log := .Logs}}{{if $i}}
               {{end}}{{$log}}{{end}}

Access tokens{{if .Paysim}}, valid for an hour (a new one: go run ./cmd/hail token --user NAME --role ROLE){{end}}:
{{range .Tokens}}
{{.Role}} ({{.User}}):
{{.Token}}
{{end}}
{{.Stop}}
`))

func (a *app) showReady(r ready, stop string) error {
	if a.json {
		return a.printJSON(r)
	}
	rider := r.Tokens[localstack.Rider]
	caller, err := api.CallerOf(rider)
	if err != nil {
		return fmt.Errorf("read token of %s: %w", localstack.Rider.SeededUser(), err)
	}
	body, err := json.Marshal(api.SampleRequest())
	if err != nil {
		return err
	}
	type userToken struct {
		Role        localstack.Role
		User, Token string
	}
	key := rand.Text()
	data := struct {
		localstack.Endpoints
		Rider, Key, ID, Body, Env, Stop string
		Logs                            []string
		Tokens                          []userToken
	}{
		Endpoints: r.Endpoints, Rider: rider, Key: key, ID: string(booking.IDFor(caller, key)),
		Body: string(body), Env: shortened(r.Env), Stop: stop,
	}
	for _, log := range r.Logs {
		data.Logs = append(data.Logs, shortened(log))
	}
	for _, role := range localstack.Roles() {
		data.Tokens = append(data.Tokens, userToken{role, role.SeededUser(), r.Tokens[role]})
	}
	return readyText.Execute(a.stdout, data)
}

// shortened returns the path as seen from the working directory, if that is shorter.
func shortened(path string) string {
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	if relative, err := filepath.Rel(dir, path); err == nil && len(relative) < len(path) {
		return relative
	}
	return path
}
