package main

import (
	"github.com/hailstone-rides/hailstone/internal/localstack"
)

// instanceFlag chooses the local stack that a command works on.
type instanceFlag struct {
	Dir string `help:"Directory of the local stack (default: .local in the repository)." type:"path" env:"HAIL_DIR" placeholder:"DIR"`
}

func (f instanceFlag) instance() (localstack.Instance, error) {
	dir := f.Dir
	if dir == "" {
		root, err := localstack.Root()
		if err != nil {
			return localstack.Instance{}, err
		}
		dir = localstack.DefaultDir(root)
	}
	return localstack.At(dir)
}

// endpoints returns how the running local stack is reached.
func (f instanceFlag) endpoints() (localstack.Endpoints, error) {
	instance, err := f.instance()
	if err != nil {
		return localstack.Endpoints{}, err
	}
	return instance.Endpoints()
}

// token returns an access token of a user of the running local stack.
func (f instanceFlag) token(a *app, user string, role localstack.Role) (localstack.Endpoints, string, error) {
	endpoints, err := f.endpoints()
	if err != nil {
		return localstack.Endpoints{}, "", err
	}
	token, err := localstack.Connect(endpoints.AWS, endpoints.Region).Token(a.ctx, endpoints, user, role)
	return endpoints, token, err
}
