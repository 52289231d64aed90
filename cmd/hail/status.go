package main

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/status"
	"github.com/hailstone-rides/hailstone/internal/control/dynamocontrol"
	"github.com/hailstone-rides/hailstone/internal/deferral/dynamodeferral"
	"github.com/hailstone-rides/hailstone/internal/events"
	"github.com/hailstone-rides/hailstone/internal/events/dynamoevents"
	"github.com/hailstone-rides/hailstone/internal/readmodel"
	"github.com/hailstone-rides/hailstone/internal/readmodel/dynamoview"
)

type statusCommand struct {
	stackFlag
}

// Help explains what the one-line help leaves open.
func (statusCommand) Help() string {
	return `The first thing to type when something seems wrong: what waits in the queues and since when, how far the
views are behind the log, whether payments flow, what the sweeper has not got to. It changes nothing. The
exit code is 3 if something needs attention or could not be read. Ages of messages and of the stream come
from CloudWatch, which an emulator does not have.`
}

func (c statusCommand) Run(a *app) error {
	s, err := c.open(a.ctx)
	if err != nil {
		return err
	}
	sources, err := c.sources(a, s)
	if err != nil {
		return err
	}
	report := status.Gather(a.ctx, sources)
	if a.json {
		err = a.printJSON(report)
	} else {
		_, err = fmt.Fprint(a.stdout, report.Text())
	}
	if err == nil && len(report.Attention)+len(report.Unknown) > 0 {
		return errDifferences
	}
	return err
}

func (c statusCommand) sources(a *app, s stack) (status.Sources, error) {
	outputs := map[string]string{}
	var errs []error
	for _, name := range []string{"EventsTableName", "ViewsTableName", "ControlTableName", "RelayFunctionName"} {
		value, err := s.output(name)
		outputs[name] = value
		errs = append(errs, err)
	}
	var queues []status.Queue
	for _, q := range deadQueues {
		dead, err := s.output(q.dead)
		if err != nil && q.optional {
			continue
		}
		errs = append(errs, err)
		var url string
		if q.source != "" {
			url, err = s.output(q.source)
			outputs[q.name] = path.Base(url)
			errs = append(errs, err)
		}
		queues = append(queues, status.Queue{Name: q.name, URL: url, Dead: dead})
	}
	if err := errors.Join(errs...); err != nil {
		return status.Sources{}, err
	}
	desk, err := c.desk(a)
	if err != nil {
		return status.Sources{}, err
	}
	db := dynamodb.NewFromConfig(s.config)
	tables := dynamoevents.Tables{Events: outputs["EventsTableName"], Leases: outputs["ControlTableName"]}
	documents := dynamocontrol.New(db, outputs["ControlTableName"])
	return status.Sources{
		SQS: sqs.NewFromConfig(s.config), Queues: queues,
		Commits: dynamoevents.NewCatalog(db, tables), Log: dynamoevents.New(db, tables, events.NewStamp),
		Views: &readmodel.Live{
			Pointer: &readmodel.Pointer{Control: documents, Now: a.now},
			In:      func(n int) readmodel.Ledger { return dynamoview.New(db, outputs["ViewsTableName"], n) },
		},
		Items: dynamodeferral.New(db, outputs["ControlTableName"]), Control: documents, Breaker: desk.Status,
		Metrics: c.metrics(a, s, status.Named{
			Stack: s.name, ProjectionQueue: outputs["projection"], PaymentsQueue: outputs["payments"], RelayFunction: outputs["RelayFunctionName"],
		}),
		Now: a.now,
	}, nil
}

// metrics reads CloudWatch; a local stack has none, which is no news.
func (c statusCommand) metrics(a *app, s stack, named status.Named) func(context.Context) (status.Metrics, error) {
	if c.Stack == "" {
		return func(context.Context) (status.Metrics, error) { return status.Metrics{}, nil }
	}
	return status.MetricsOf(cloudwatch.NewFromConfig(s.config), named, a.now)
}
