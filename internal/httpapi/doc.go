// Package httpapi is the HTTP contract of openapi.yaml: it turns requests into
// commands and queries, and what comes of them into responses.
//
// It is a plain http.Handler; lambdahttp ties it to API Gateway. One table maps
// every error to its status, and no error text from inside ever reaches a
// client. Bodies are parsed strictly: what is not understood is refused, with a
// pointer to the place.
package httpapi
