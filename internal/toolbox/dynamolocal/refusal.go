package dynamolocal

import (
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Refusals makes calls fail as DynamoDB itself refuses them where DynamoDB Local does not:
// it has no transaction conflicts and no throttling. The answers are those on the wire, so
// that the SDK reads and repeats them as it would. The zero value refuses nothing. It is
// safe for concurrent use.
type Refusals struct {
	mu      sync.Mutex
	next    []refusal
	refused int
}

// refusal is one attempt that fails: what is answered, by operation.
type refusal map[string]string

// lost is the answer to a write that has its effect, and is then answered by an error of
// the server.
const lost = `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}`

// TransactionConflict is how a write is refused that meets another's transaction: by a plain
// error, or by a canceled transaction with these reasons (Amazon DynamoDB API Reference,
// PutItem and TransactionCanceledException).
func (r *Refusals) TransactionConflict(attempts int, reasons ...string) {
	if len(reasons) == 0 {
		reasons = []string{"TransactionConflict", "None"}
	}
	const plain = `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"Transaction is ongoing for the item"}`
	r.add(attempts, refusal{"PutItem": plain, "UpdateItem": plain, "DeleteItem": plain, "TransactWriteItems": Canceled(reasons...)})
}

// Cancel lets the next attempts of transactions be canceled for these reasons.
func (r *Refusals) Cancel(attempts int, reasons ...string) {
	r.add(attempts, refusal{"TransactWriteItems": Canceled(reasons...)})
}

// Lost lets the answers to the next attempts of an operation be a server's error although
// they had their effect.
func (r *Refusals) Lost(operation string, attempts int) {
	r.add(attempts, refusal{operation: lost})
}

// Canceled is the answer to a transaction that was canceled for these reasons.
func Canceled(reasons ...string) string {
	list := make([]string, len(reasons))
	for i, code := range reasons {
		list[i] = fmt.Sprintf(`{"Code":%q}`, code)
	}
	return fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"Transaction cancelled","CancellationReasons":[%s]}`, strings.Join(list, ","))
}

// Refused returns how many attempts failed so far.
func (r *Refusals) Refused() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused
}

// Option puts the refusals between a client and its server.
func (r *Refusals) Option(o *dynamodb.Options) {
	next := o.HTTPClient
	if next == nil {
		next = http.DefaultClient
	}
	o.HTTPClient = doer(func(request *http.Request) (*http.Response, error) {
		_, operation, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
		body, found := r.take(operation)
		switch {
		case !found:
			return next.Do(request)
		case body == lost:
			response, err := next.Do(request)
			if err != nil {
				return nil, err
			}
			if err := response.Body.Close(); err != nil {
				return nil, err
			}
			return answer(http.StatusInternalServerError, body), nil
		default:
			return answer(http.StatusBadRequest, body), nil
		}
	})
}

func (r *Refusals) add(attempts int, one refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range attempts {
		r.next = append(r.next, one)
	}
}

// take returns what is answered to an attempt that fails.
func (r *Refusals) take(operation string) (body string, found bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := slices.IndexFunc(r.next, func(one refusal) bool { return one[operation] != "" })
	if at < 0 {
		return "", false
	}
	body = r.next[at][operation]
	r.next = slices.Delete(r.next, at, at+1)
	r.refused++
	return body, true
}

func answer(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status,
		Header: http.Header{
			"Content-Type": {"application/x-amz-json-1.0"},
			"X-Amz-Crc32":  {strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(body))), 10)}, // without which the SDK warns
		},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// doer is an HTTP client.
type doer func(*http.Request) (*http.Response, error)

// Do implements dynamodb.HTTPClient.
func (d doer) Do(request *http.Request) (*http.Response, error) { return d(request) }
