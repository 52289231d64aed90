// Package sqsfake is a small SQS over HTTP, for tests of what works on queues through
// the real client. It knows standard queues, visibility and receipts, and no limits.
package sqsfake

import (
	"crypto/md5" //nolint:gosec // what SQS sums messages with
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is the service. It is safe for concurrent use.
type Server struct {
	URL string
	// Fail, if set, is asked about every call, and answers with an error code of SQS's
	// to make it fail.
	Fail func(operation string) string

	mu     sync.Mutex
	now    time.Time
	sent   int
	queues map[string][]*Message // by URL
}

// Message is one message of a queue.
type Message struct {
	ID, Body string
	Sent     time.Time
	Receives int

	visible time.Time
	receipt string
}

// New starts a service whose clock stands still at the given time. It ends with the test.
func New(t testing.TB, now time.Time) *Server {
	t.Helper()
	s := &Server{now: now, queues: map[string][]*Message{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Queue returns the URL of the queue of that name.
func (s *Server) Queue(name string) string { return s.URL + "/000000000000/" + name }

// Put puts a message into a queue, as if sent some time ago.
func (s *Server) Put(name, id, body string, age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	url := s.Queue(name)
	s.queues[url] = append(s.queues[url], &Message{ID: id, Body: body, Sent: s.now.Add(-age)})
}

// Messages returns what is in a queue, visible or not.
func (s *Server) Messages(name string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Message
	for _, m := range s.queues[s.Queue(name)] {
		all = append(all, *m)
	}
	return all
}

// Pass lets time pass.
func (s *Server) Pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// Hidden counts the messages of a queue that nobody would receive now.
func (s *Server) Hidden(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hidden(s.Queue(name))
}

func (s *Server) hidden(url string) int {
	n := 0
	for _, m := range s.queues[url] {
		if m.visible.After(s.now) {
			n++
		}
	}
	return n
}

type request struct {
	QueueURL            string `json:"QueueUrl"`
	MaxNumberOfMessages int
	VisibilityTimeout   int
	MessageBody         string
	ReceiptHandle       string
	Entries             []struct{ ID, MessageBody string }
}

// Handles tells whether a request is for SQS.
func Handles(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
}

// ServeHTTP implements http.Handler by the JSON protocol of SQS.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	var in request
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer, code := s.answer(operation, in)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if code != "" {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]any{"__type": "com.amazonaws.sqs#" + code, "message": "as told"}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // of strings, numbers and lists of them
	}
	_, _ = w.Write(body)
}

func (s *Server) answer(operation string, in request) (answer any, code string) {
	if s.Fail != nil {
		if code := s.Fail(operation); code != "" {
			return nil, code
		}
	}
	switch operation {
	case "SendMessage":
		return s.send(in.QueueURL, in.MessageBody), ""
	case "SendMessageBatch":
		sent := []any{}
		for _, e := range in.Entries {
			one := s.send(in.QueueURL, e.MessageBody)
			one["Id"] = e.ID
			sent = append(sent, one)
		}
		return map[string]any{"Successful": sent, "Failed": []any{}}, ""
	case "ReceiveMessage":
		return s.receive(in), ""
	case "DeleteMessage":
		s.delete(in)
		return map[string]any{}, ""
	case "ChangeMessageVisibility":
		return map[string]any{}, s.change(in)
	case "GetQueueAttributes":
		hidden := s.hidden(in.QueueURL)
		return map[string]any{"Attributes": map[string]string{
			"ApproximateNumberOfMessages":           strconv.Itoa(len(s.queues[in.QueueURL]) - hidden),
			"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(hidden),
		}}, ""
	default:
		return nil, "UnsupportedOperation"
	}
}

func (s *Server) send(url, body string) map[string]any {
	s.sent++
	m := &Message{ID: "sent-" + strconv.Itoa(s.sent), Body: body, Sent: s.now}
	s.queues[url] = append(s.queues[url], m)
	return map[string]any{"MessageId": m.ID, "MD5OfMessageBody": sum(body)}
}

func (s *Server) receive(in request) any {
	messages := []any{}
	for _, m := range s.queues[in.QueueURL] {
		if m.visible.After(s.now) || len(messages) >= max(1, in.MaxNumberOfMessages) {
			continue
		}
		m.Receives++
		m.visible = s.now.Add(time.Duration(in.VisibilityTimeout) * time.Second)
		m.receipt = fmt.Sprintf("%s/%d", m.ID, m.Receives)
		messages = append(messages, map[string]any{
			"MessageId": m.ID, "ReceiptHandle": m.receipt, "Body": m.Body, "MD5OfBody": sum(m.Body),
			"Attributes": map[string]string{
				"SentTimestamp": strconv.FormatInt(m.Sent.UnixMilli(), 10), "ApproximateReceiveCount": strconv.Itoa(m.Receives),
			},
		})
	}
	return map[string]any{"Messages": messages}
}

func (s *Server) delete(in request) {
	left := s.queues[in.QueueURL][:0]
	for _, m := range s.queues[in.QueueURL] {
		if m.receipt != in.ReceiptHandle {
			left = append(left, m)
		}
	}
	s.queues[in.QueueURL] = left
}

func (s *Server) change(in request) (code string) {
	for _, m := range s.queues[in.QueueURL] {
		if m.receipt != in.ReceiptHandle {
			continue
		}
		if !m.visible.After(s.now) {
			return "MessageNotInflight"
		}
		m.visible = s.now.Add(time.Duration(in.VisibilityTimeout) * time.Second)
		return ""
	}
	return "ReceiptHandleIsInvalid"
}

func sum(body string) string {
	digest := md5.Sum([]byte(body)) //nolint:gosec // what SQS sums messages with
	return hex.EncodeToString(digest[:])
}
