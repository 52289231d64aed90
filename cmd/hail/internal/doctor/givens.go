package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

func (e *examination) providerSecret(ctx context.Context) (finding, error) {
	f, value, err := e.secret(ctx, "StripeSecretArn")
	if err != nil || value == "" || e.plan.Parameters["StripeApiUrl"] != "https://api.stripe.com" {
		return f, err // a simulator's keys look as they like
	}
	live := strings.HasPrefix(value, "sk_live_") || strings.HasPrefix(value, "rk_live_")
	test := strings.HasPrefix(value, "sk_test_") || strings.HasPrefix(value, "rk_test_")
	stage := e.plan.Parameters["Stage"]
	switch {
	case !live && !test:
		f.wrong("StripeSecretArn holds no secret or restricted key of Stripe (sk_… or rk_…): put the key into it")
	case test && stage == "prod":
		f.wrong("StripeSecretArn holds a key of Stripe's test mode, the stage is prod: nobody would be charged; put the live key into it")
	case live && stage != "prod":
		f.wrong("StripeSecretArn holds a live key, the stage is %s: cards would be charged; put a key of a sandbox into it", stage)
	}
	return f, nil
}

func (e *examination) webhookSecret(ctx context.Context) (finding, error) {
	f, value, err := e.secret(ctx, "StripeWebhookSecretArn")
	if err == nil && value != "" && e.plan.Parameters["StripeApiUrl"] == "https://api.stripe.com" {
		for signing := range strings.FieldsSeq(value) { // two while one is rolled
			if !strings.HasPrefix(signing, "whsec_") {
				f.wrong("StripeWebhookSecretArn holds something else than signing secrets (whsec_…): put that of the webhook endpoint into it")
			}
		}
	}
	return f, err
}

// secret looks at the secret that a parameter names, and returns its value. The value is never shown.
func (e *examination) secret(ctx context.Context, parameter string) (f finding, value string, err error) {
	id := e.plan.Parameters[parameter]
	if id == "" {
		return f, "", undoneError(parameter + " has no value")
	}
	described, err := e.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	if errorCode(err) == "ResourceNotFoundException" {
		f.wrong("%s does not exist: aws secretsmanager create-secret (docs/DEPLOY.md), or name another in %s", id, parameter)
		return f, "", nil
	}
	if err != nil {
		return f, "", err
	}
	f.found = id
	if full := aws.ToString(described.ARN); full != id {
		f.wrong("%s is not the full ARN, and so the function's right would not fit: give %s", parameter, full)
	}
	if described.DeletedDate != nil {
		f.wrong("%s is to be deleted on %s: aws secretsmanager restore-secret --secret-id %s", id, described.DeletedDate.Format("2006-01-02"), id)
		return f, "", nil // and cannot be read
	}
	if key := aws.ToString(described.KmsKeyId); key != "" && !strings.HasSuffix(key, "alias/aws/secretsmanager") {
		f.wrong("%s is encrypted under %s, which the functions may not use: leave its key at aws/secretsmanager", parameter, key)
	}
	read, err := e.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	if errorCode(err) == "ResourceNotFoundException" {
		f.wrong("%s has no value yet: aws secretsmanager put-secret-value --secret-id %s --secret-string file://key", parameter, id)
		return f, "", nil
	}
	if err != nil {
		return f, "", err
	}
	value = aws.ToString(read.SecretString)
	if value == "" || strings.TrimSpace(value) != value {
		f.wrong("%s is empty, binary, or has white space around it: put the bare text into SecretString, without a line break at its end", parameter)
	}
	return f, value, nil
}

// topic looks at the topic of the alarms: whether CloudWatch can publish to it, and whether it leads to people.
func (e *examination) topic(ctx context.Context) (f finding, err error) {
	id := e.plan.Parameters["AlarmTopicArn"]
	topic, err := e.topics.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &id})
	if code := errorCode(err); code == "NotFound" || code == "NotFoundException" {
		f.wrong("%s does not exist: aws sns create-topic (docs/DEPLOY.md: Alarms)", id)
		return f, nil
	}
	if err != nil {
		return f, err
	}
	if strings.HasSuffix(topic.Attributes["KmsMasterKeyId"], "alias/aws/sns") {
		f.wrong("%s is encrypted under alias/aws/sns, which CloudWatch may not use: give it a key of your own that lets cloudwatch.amazonaws.com use it, or none", id)
	}
	live, pending := 0, []string{}
	pages := sns.NewListSubscriptionsByTopicPaginator(e.topics, &sns.ListSubscriptionsByTopicInput{TopicArn: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return f, err
		}
		for _, s := range page.Subscriptions {
			if _, err := arn.Parse(aws.ToString(s.SubscriptionArn)); err == nil {
				live++
			} else { // PendingConfirmation, or Deleted
				pending = append(pending, fmt.Sprintf("%s %s is %s", aws.ToString(s.Protocol), aws.ToString(s.Endpoint), aws.ToString(s.SubscriptionArn)))
			}
		}
	}
	f.found = fmt.Sprintf("%d confirmed subscriptions", live)
	if live == 0 {
		f.wrong("%s has no confirmed subscription, so alarms reach no one: aws sns subscribe, and confirm it", id)
	}
	if len(pending) > 0 {
		f.wrong("%s: follow the link that was sent, or delete the subscription", strings.Join(pending, ", "))
	}
	return f, nil
}

func (e *examination) bus(ctx context.Context) (f finding, err error) {
	id, err := arn.Parse(e.plan.Parameters["EventBusArn"])
	if err != nil {
		return f, err
	}
	if id.AccountID != e.plan.Account {
		return f, undoneError("the bus is in account " + id.AccountID + ": its policy must let this account put events")
	}
	name := strings.TrimPrefix(id.Resource, "event-bus/")
	_, err = e.buses.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: &name})
	if errorCode(err) == "ResourceNotFoundException" {
		f.wrong("there is no event bus %s in %s: aws events create-event-bus --name %s", name, id.Region, name)
		return f, nil
	}
	f.found = name
	return f, err
}

// issuer asks the identity provider for what API Gateway will ask it for.
func (e *examination) issuer(ctx context.Context) (f finding, err error) {
	want := e.plan.Parameters["JwtIssuer"]
	address := strings.TrimRight(want, "/") + "/.well-known/openid-configuration"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return f, err
	}
	res, err := e.HTTP.Do(req)
	if err != nil {
		f.wrong("%s does not answer (%v): API Gateway could not verify a token", address, err)
		return f, nil
	}
	defer func() { _ = res.Body.Close() }()
	var published struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	const most = 1 << 20
	if err := json.NewDecoder(io.LimitReader(res.Body, most)).Decode(&published); err != nil || res.StatusCode != http.StatusOK {
		f.wrong("%s answers %s without a configuration: publish it, or name another issuer", address, res.Status)
		return f, nil
	}
	f.found = want
	if published.Issuer != want || published.Keys == "" {
		f.wrong("%s names the issuer %q and keys at %q: JwtIssuer must be that issuer to the letter, and have keys", address, published.Issuer, published.Keys)
	}
	return f, nil
}
