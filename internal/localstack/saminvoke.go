package localstack

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"go.yaml.in/yaml/v3"

	"github.com/hailstone-rides/hailstone/internal/toolbox"
	"github.com/hailstone-rides/hailstone/internal/toolbox/procgroup"
)

// startNeighbours starts what the functions besides the API's call, where containers
// reach it: SQS and Secrets Manager of the AWS emulator, and the payment simulator.
func (s *SAMLocal) startNeighbours(ctx context.Context, machine host) (err error) {
	for _, port := range []*int{&s.options.Port, &s.options.PaysimPort} {
		if *port, err = choosePort(ctx, 0, ""); err != nil {
			return err
		}
	}
	s.options.listen = machine.listen
	s.Endpoints.AWS = endpointAt(machine.listen, s.options.Port)
	s.Endpoints.Paysim = endpointAt(machine.listen, s.options.PaysimPort)
	keys, err := s.startEmulator(ctx, toolbox.New(s.options.Root, s.options.Steps.Begin))
	if err != nil {
		return err
	}
	s.secret = keys.provider
	if err := s.startPaymentSimulator(ctx); err != nil {
		return err
	}
	return s.createQueues(ctx)
}

// createQueues creates the queues of the template, named as there: that is what SAM takes
// a reference to a queue for, instead of its URL, and the emulator knows them by it.
func (s *SAMLocal) createQueues(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(s.options.Root, "template.yaml"))
	if err != nil {
		return err
	}
	names, err := queuesOf(text)
	if err != nil {
		return fmt.Errorf("read the queues of template.yaml: %w", err)
	}
	for _, name := range names {
		if _, err := s.queues().CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name}); err != nil {
			return fmt.Errorf("create %s: %w", name, err)
		}
	}
	return nil
}

// queuesOf returns the logical ids of a template's queues.
func queuesOf(template []byte) (ids []string, err error) {
	var document struct {
		Resources map[string]struct {
			Type string `yaml:"Type"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(template, &document); err != nil {
		return nil, err
	}
	for id, resource := range document.Resources {
		if resource.Type == "AWS::SQS::Queue" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

func (s *SAMLocal) queues() *sqs.Client { return Connect(s.Endpoints.AWS, region).Queues }

// Received returns the bodies of the messages in a queue, and leaves none behind.
func (s *SAMLocal) Received(ctx context.Context, queue string) (bodies []string, err error) {
	for {
		out, err := s.queues().ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10})
		if err != nil || len(out.Messages) == 0 {
			return bodies, err
		}
		for _, message := range out.Messages {
			bodies = append(bodies, *message.Body)
			if err := s.deleteMessage(ctx, queue, message); err != nil {
				return nil, err
			}
		}
	}
}

func (s *SAMLocal) deleteMessage(ctx context.Context, queue string, message types.Message) error {
	_, err := s.queues().DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: message.ReceiptHandle})
	return err
}

// Invoke runs a function once, by its logical id, on the event in the file, and returns
// what it answers.
func (s *SAMLocal) Invoke(ctx context.Context, function, event string) ([]byte, error) {
	command, err := s.local("invoke", function, "--event", event)
	if err != nil {
		return nil, err
	}
	log := s.in.Log("invoke-" + function)
	output, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = output.Close() }()
	var answer bytes.Buffer
	cmd := procgroup.Command(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.options.Root, s.tool.env(), &answer, output
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("invoke %s: %w; its output is in %s and ends with:\n%s", function, err, log, tail(log, 12))
	}
	return answer.Bytes(), nil
}
