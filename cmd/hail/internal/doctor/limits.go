package doctor

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"github.com/hailstone-rides/hailstone/cmd/hail/internal/sizing"
)

// rates are the parameters that rates depend on.
func (e *examination) rates() sizing.Parameters {
	return sizing.Parameters{
		BookingRateLimit: e.plan.Number("BookingRateLimit"), ApiRateLimit: e.plan.Number("ApiRateLimit"), ApiBurstLimit: e.plan.Number("ApiBurstLimit"),
		PaymentConcurrency: e.plan.Number("PaymentConcurrency"),
		BookingReserved:    e.plan.Number("BookingReservedConcurrency"), RelayReserved: e.plan.Number("RelayReservedConcurrency"),
	}
}

// concurrency compares what the parameters reserve and use with what the account has.
func (e *examination) concurrency(ctx context.Context) (f finding, err error) {
	settings, err := e.functions.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil {
		return f, err
	}
	if settings.AccountLimit == nil {
		return f, undoneError("Lambda reported no limit")
	}
	limit := float64(settings.AccountLimit.ConcurrentExecutions)
	free := float64(aws.ToInt32(settings.AccountLimit.UnreservedConcurrentExecutions))
	rates := e.rates()
	need := rates.Concurrency(e.plan.Parameters["ReserveConcurrency"] == "true", e.plan.Parameters["EventBusArn"] != "")
	provisioned := e.plan.Number("BookingProvisionedConcurrency")
	f.found = fmt.Sprintf("%.0f, of which %.0f are unreserved; the parameters use up to %.0f and reserve %.0f", limit, free, need.Used, need.Reserved)
	const ask = "ask Service Quotas for more concurrent executions of Lambda"
	if limit < need.Used {
		f.wrong("the account may run %.0f executions at once, the parameters use up to %.0f: %s, or take smaller ones (docs/DEPLOY.md: Rides a second)", limit, need.Used, ask)
	}
	// What a deployed stack has reserved already is no longer unreserved.
	if e.stack == nil && need.Reserved > 0 && free-need.Reserved < sizing.LeastUnreserved {
		f.wrong("%.0f are to be reserved of %.0f unreserved, and Lambda keeps %d: the deployment would fail; %s, or set ReserveConcurrency=false and reserve none", need.Reserved, free, sizing.LeastUnreserved, ask)
	}
	if rates.BookingReserved > 0 && provisioned > rates.BookingReserved {
		f.wrong("BookingProvisionedConcurrency=%.0f is more than BookingReservedConcurrency=%.0f: the deployment would fail", provisioned, rates.BookingReserved)
	}
	if rates.Rides() < rates.BookingRateLimit {
		f.wrong("PaymentConcurrency=%.0f pays for %.1f rides a second, BookingRateLimit admits %.0f: raise the one or lower the other (docs/DEPLOY.md: Rides a second)", rates.PaymentConcurrency, rates.Rides(), rates.BookingRateLimit)
	}
	return f, nil
}

// A quota is found by its codes. These stand in AWS's pages of endpoints and quotas, read in November 2026:
// https://docs.aws.amazon.com/general/latest/gr/apigateway.html, …/ddb.html, …/ev.html.
type quota struct{ service, code, name string }

var (
	gatewayRate = quota{"apigateway", "L-8A5B8E43", "requests a second of API Gateway"}
	tableWrites = quota{"dynamodb", "L-AB614373", "write units a second of a table"}
	busRate     = quota{"events", "L-9B653E91", "PutEvents a second"}
)

func (e *examination) gatewayQuota(ctx context.Context) (finding, error) {
	return e.compare(ctx, gatewayRate, e.plan.Number("ApiRateLimit"), "ApiRateLimit admits on one route")
}

// tableQuota takes all units of a ride for those of one table, to be on the safe side.
func (e *examination) tableQuota(ctx context.Context) (finding, error) {
	return e.compare(ctx, tableWrites, e.plan.Number("BookingRateLimit")*sizing.WritesPerRide, "the rides that BookingRateLimit admits write")
}

func (e *examination) busQuota(ctx context.Context) (finding, error) {
	return e.compare(ctx, busRate, e.plan.Number("BookingRateLimit")*sizing.EntriesPerRide, "the rides that BookingRateLimit admits publish")
}

// compare holds a quota against what is needed of it.
func (e *examination) compare(ctx context.Context, q quota, need float64, what string) (f finding, err error) {
	value, err := e.quota(ctx, q)
	if err != nil {
		return f, err
	}
	f.found = fmt.Sprintf("%.0f %s; %s %.0f", value, q.name, what, need)
	if value < need {
		f.wrong("the account has %.0f %s, %s %.0f: ask Service Quotas for more (%s, %s), or lower the parameter", value, q.name, what, need, q.service, q.code)
	}
	return f, nil
}

// quota returns the applied value, or AWS's default where none was ever applied.
func (e *examination) quota(ctx context.Context, q quota) (float64, error) {
	applied, err := e.quotas.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: &q.service, QuotaCode: &q.code})
	if err == nil && applied.Quota != nil && applied.Quota.Value != nil {
		return *applied.Quota.Value, nil
	}
	if err != nil && errorCode(err) != "NoSuchResourceException" {
		return 0, err
	}
	fallback, err := e.quotas.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: &q.service, QuotaCode: &q.code})
	if err != nil {
		return 0, err
	}
	if fallback.Quota == nil || fallback.Quota.Value == nil {
		return 0, undoneError("Service Quotas has no value for " + q.name)
	}
	return *fallback.Quota.Value, nil
}
