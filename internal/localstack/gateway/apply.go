package gateway

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
)

// Apply makes the API with the id have exactly the authorizers, integrations and
// routes given: what is there is updated, what is missing is created, and routes that are
// not given are deleted. So it can be repeated after each deployment.
func Apply(ctx context.Context, client *apigatewayv2.Client, apiID string, api API) error {
	a := applier{client: client, apiID: &apiID}
	authorizers, err := a.authorizers(ctx, api.Authorizers)
	if err != nil {
		return fmt.Errorf("apply authorizers: %w", err)
	}
	integrations, err := a.integrations(ctx, api.Routes)
	if err != nil {
		return fmt.Errorf("apply integrations: %w", err)
	}
	if err := a.routes(ctx, api.Routes, authorizers, integrations); err != nil {
		return fmt.Errorf("apply routes: %w", err)
	}
	return nil
}

type applier struct {
	client *apigatewayv2.Client
	apiID  *string
}

// all asks for everything on one page; an API has at most some dozens of each.
var all = aws.String("500")

// authorizers returns the id of each authorizer by name.
func (a applier) authorizers(ctx context.Context, wanted []Authorizer) (map[string]string, error) {
	existing, err := a.client.GetAuthorizers(ctx, &apigatewayv2.GetAuthorizersInput{ApiId: a.apiID, MaxResults: all})
	if err != nil {
		return nil, err
	}
	ids := make(map[string]string)
	for _, item := range existing.Items {
		ids[aws.ToString(item.Name)] = aws.ToString(item.AuthorizerId)
	}
	for _, w := range wanted {
		jwt := &types.JWTConfiguration{Issuer: &w.Issuer, Audience: w.Audience}
		source := []string{w.IdentitySource}
		if id, ok := ids[w.Name]; ok {
			_, err = a.client.UpdateAuthorizer(ctx, &apigatewayv2.UpdateAuthorizerInput{
				ApiId: a.apiID, AuthorizerId: &id, Name: &w.Name,
				AuthorizerType: types.AuthorizerTypeJwt, IdentitySource: source, JwtConfiguration: jwt,
			})
		} else {
			var created *apigatewayv2.CreateAuthorizerOutput
			created, err = a.client.CreateAuthorizer(ctx, &apigatewayv2.CreateAuthorizerInput{
				ApiId: a.apiID, Name: &w.Name,
				AuthorizerType: types.AuthorizerTypeJwt, IdentitySource: source, JwtConfiguration: jwt,
			})
			if err == nil {
				ids[w.Name] = aws.ToString(created.AuthorizerId)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.Name, err)
		}
	}
	return ids, nil
}

// integrations returns the id of each integration that the routes use. Routes to the
// same function in the same way share one.
func (a applier) integrations(ctx context.Context, routes []Route) (map[Integration]string, error) {
	existing, err := a.client.GetIntegrations(ctx, &apigatewayv2.GetIntegrationsInput{ApiId: a.apiID, MaxResults: all})
	if err != nil {
		return nil, err
	}
	ids := make(map[Integration]string)
	for _, item := range existing.Items {
		key := Integration{
			FunctionARN:          aws.ToString(item.IntegrationUri),
			PayloadFormatVersion: aws.ToString(item.PayloadFormatVersion),
			TimeoutMillis:        aws.ToInt32(item.TimeoutInMillis),
		}
		ids[key] = aws.ToString(item.IntegrationId)
	}
	for _, route := range routes {
		wanted := route.Integration
		if wanted.TimeoutMillis == 0 {
			wanted.TimeoutMillis = defaultTimeoutMillis
		}
		id, ok := ids[wanted]
		if !ok {
			created, err := a.client.CreateIntegration(ctx, &apigatewayv2.CreateIntegrationInput{
				ApiId: a.apiID, IntegrationType: types.IntegrationTypeAwsProxy,
				IntegrationUri: &wanted.FunctionARN, IntegrationMethod: aws.String("POST"),
				PayloadFormatVersion: &wanted.PayloadFormatVersion, TimeoutInMillis: &wanted.TimeoutMillis,
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", wanted.FunctionARN, err)
			}
			id = aws.ToString(created.IntegrationId)
		}
		ids[wanted], ids[route.Integration] = id, id
	}
	return ids, nil
}

// defaultTimeoutMillis is what API Gateway uses for HTTP APIs where nothing is said.
const defaultTimeoutMillis = 30_000

func (a applier) routes(ctx context.Context, wanted []Route, authorizers map[string]string, integrations map[Integration]string) error {
	existing, err := a.client.GetRoutes(ctx, &apigatewayv2.GetRoutesInput{ApiId: a.apiID, MaxResults: all})
	if err != nil {
		return err
	}
	ids := make(map[string]string)
	for _, item := range existing.Items {
		ids[aws.ToString(item.RouteKey)] = aws.ToString(item.RouteId)
	}
	for _, route := range wanted {
		id := ids[route.Key]
		delete(ids, route.Key)
		if err := a.route(ctx, id, route, authorizers, "integrations/"+integrations[route.Integration]); err != nil {
			return fmt.Errorf("%s: %w", route.Key, err)
		}
	}
	for key, id := range ids { // those that are not wanted any more
		if _, err := a.client.DeleteRoute(ctx, &apigatewayv2.DeleteRouteInput{ApiId: a.apiID, RouteId: &id}); err != nil {
			return fmt.Errorf("delete %s: %w", key, err)
		}
	}
	return nil
}

// route updates the route with the id, or creates it if the id is empty.
func (a applier) route(ctx context.Context, id string, r Route, authorizers map[string]string, target string) error {
	authorization, authorizer := types.AuthorizationTypeNone, (*string)(nil)
	if r.Authorizer != "" {
		authorization, authorizer = types.AuthorizationTypeJwt, aws.String(authorizers[r.Authorizer])
	}
	if id == "" {
		_, err := a.client.CreateRoute(ctx, &apigatewayv2.CreateRouteInput{
			ApiId: a.apiID, RouteKey: &r.Key, Target: &target,
			AuthorizationType: authorization, AuthorizerId: authorizer, AuthorizationScopes: r.Scopes,
		})
		return err
	}
	_, err := a.client.UpdateRoute(ctx, &apigatewayv2.UpdateRouteInput{
		ApiId: a.apiID, RouteId: &id, RouteKey: &r.Key, Target: &target,
		AuthorizationType: authorization, AuthorizerId: authorizer, AuthorizationScopes: r.Scopes,
	})
	return err
}
