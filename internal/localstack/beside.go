package localstack

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// Beside deploys what was built once more, as another stack of the same account, with
// parameters ("Name=value") of its own. It uses the same payment simulator, which tells the first
// stack alone of what happens there. Remove deletes it; so does Stop, with all else. If Beside
// fails, what it left ends with Stop.
func (s *Stack) Beside(ctx context.Context, name string, parameters ...string) (Endpoints, error) {
	e := Endpoints{AWS: s.Endpoints.AWS, Paysim: s.Endpoints.Paysim, StackName: name, Region: s.Endpoints.Region}
	err := s.options.Steps.Do("deploy "+name+" beside it", func() error {
		if err := s.tool.deploy(ctx, name, s.keys, s.options.PaysimPort, parameters...); err != nil {
			return err
		}
		cloud := Connect(e.AWS, e.Region)
		if err := completeDeployment(ctx, cloud, &e); err != nil {
			return err
		}
		token, err := cloud.Token(ctx, e, Rider.SeededUser(), Rider)
		if err != nil {
			return err
		}
		return awaitAPI(ctx, e.API, token)
	})
	return e, err
}

const (
	removeTimeout = 2 * time.Minute
	removeLook    = 200 * time.Millisecond
)

// Remove deletes a stack, and returns when it is gone.
func (c Cloud) Remove(ctx context.Context, stack string) error {
	if _, err := c.Stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &stack}); err != nil {
		return fmt.Errorf("delete stack %s: %w", stack, err)
	}
	gone := cloudformation.NewStackDeleteCompleteWaiter(c.Stacks, func(o *cloudformation.StackDeleteCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = removeLook, removeLook
	})
	if err := gone.Wait(ctx, &cloudformation.DescribeStacksInput{StackName: &stack}, removeTimeout); err != nil {
		return fmt.Errorf("wait until stack %s is gone: %w", stack, err)
	}
	return nil
}
