package localstack

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/joho/godotenv"
)

// Endpoints is how other programs reach a stack. It is the content of the env file.
type Endpoints struct {
	API              string `json:"api"`    // base URL; paths of the HTTP contract are appended
	Paysim           string `json:"paysim"` // base URL of the payment simulator
	AWS              string `json:"aws"`    // the emulator
	StackName        string `json:"stack"`  // CloudFormation stack
	Region           string `json:"region"` // of the stack
	UserPoolID       string `json:"pool"`   // Cognito user pool
	UserPoolClientID string `json:"client"` // its client
}

// fields lists the variables of the env file in the order they are written. The AWS
// keys, which the emulator takes for those of its root user, let the AWS CLI and SDKs
// work with the file alone.
func (e *Endpoints) fields() []struct {
	name  string
	value *string
} {
	accessKey, secretKey := rootAccessKey, rootSecretKey
	return []struct {
		name  string
		value *string
	}{
		{"API_URL", &e.API},
		{"PAYSIM_URL", &e.Paysim},
		{"STACK_NAME", &e.StackName},
		{"USER_POOL_ID", &e.UserPoolID},
		{"USER_POOL_CLIENT_ID", &e.UserPoolClientID},
		{"AWS_ENDPOINT_URL", &e.AWS},
		{"AWS_REGION", &e.Region},
		{"AWS_ACCESS_KEY_ID", &accessKey},
		{"AWS_SECRET_ACCESS_KEY", &secretKey},
	}
}

// unquoted are values that mean the same to a shell, to make and to dotenv readers.
var unquoted = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]*$`)

// dotenv returns the content of the env file.
func (e Endpoints) dotenv() (string, error) {
	var b strings.Builder
	for _, field := range e.fields() {
		if !unquoted.MatchString(*field.value) {
			return "", fmt.Errorf("write %s: value %q needs quoting", field.name, *field.value)
		}
		fmt.Fprintf(&b, "%s=%s\n", field.name, *field.value)
	}
	return b.String(), nil
}

// Endpoints reads the env file of a stack that is ready.
func (i Instance) Endpoints() (Endpoints, error) {
	values, err := godotenv.Read(i.EnvFile())
	if err != nil {
		return Endpoints{}, fmt.Errorf("read how to reach the stack (is it running? start it with hail dev up): %w", err)
	}
	var e Endpoints
	for _, field := range e.fields() {
		value, ok := values[field.name]
		if !ok {
			return Endpoints{}, fmt.Errorf("read %s: %s is missing", i.EnvFile(), field.name)
		}
		*field.value = value
	}
	return e, nil
}
