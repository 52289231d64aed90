// Package gateway does the one part of a deployment that the local AWS emulator
// leaves out: routes of an HTTP API.
//
// The SAM transform turns the HttpApi and the Api events of template.yaml into one
// OpenAPI document, the Body of an AWS::ApiGatewayV2::Api. CloudFormation imports that
// document; the emulator's CloudFormation creates the API and ignores it. The
// emulator's API Gateway itself knows routes, integrations and JWT authorizers,
// so this package reads the document back from the processed template, resolves its
// references to the stack, and makes what it describes.
//
// Requests are the emulator's own to deliver, and it does some of that otherwise than AWS:
// it joins repeated header lines with a comma and a space, where AWS puts no space, and makes
// text of every claim. What AWS does is in
// internal/httpapi/lambdahttp/testdata/gateway, each event with its source.
//
// Nothing here knows a route of this project, and template.yaml stays as it would be
// without an emulator.
package gateway
