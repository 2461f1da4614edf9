// A reader and writer of a log by RabbitMQ's own client in Go, for the tests of infirmary_streams.
//
//	streams read  URI LOG COUNT    prints so many messages, as JSON
//	streams write URI LOG COUNT    writes so many, which are told in test_go_client.py
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/rabbitmq/rabbitmq-stream-go-client/pkg/amqp"
	"github.com/rabbitmq/rabbitmq-stream-go-client/pkg/stream"
)

const patience = 20 * time.Second

type read struct {
	MessageID     any               `json:"message_id"`
	CorrelationID any               `json:"correlation_id"`
	ContentType   string            `json:"content_type"`
	Created       int64             `json:"timestamp"`
	Group         string            `json:"group"`
	Headers       map[string]any    `json:"headers"`
	Annotations   map[string]string `json:"annotations"`
	Body          string            `json:"body"`
}

func main() {
	if len(os.Args) != 5 {
		fail(fmt.Errorf("streams read|write URI LOG COUNT"))
	}
	count, err := strconv.Atoi(os.Args[4])
	fail(err)
	environment, err := stream.NewEnvironment(stream.NewEnvironmentOptions().SetUri(os.Args[2]))
	fail(err)
	if os.Args[1] == "read" {
		readAll(environment, os.Args[3], count)
	} else {
		writeAll(environment, os.Args[3], count)
	}
	fail(environment.Close())
}

func readAll(environment *stream.Environment, log string, count int) {
	messages := make(chan read, count)
	note := func(_ stream.ConsumerContext, message *amqp.Message) {
		// What the client says of its own about a message, the offset, is no part of it.
		found := read{Headers: message.ApplicationProperties, Annotations: map[string]string{}, Body: string(message.GetData())}
		if properties := message.Properties; properties != nil {
			found.MessageID, found.CorrelationID = properties.MessageID, properties.CorrelationID
			found.ContentType, found.Group = properties.ContentType, properties.GroupID
			found.Created = properties.CreationTime.Unix()
		}
		for key, value := range message.Annotations {
			found.Annotations[fmt.Sprint(key)] = fmt.Sprint(value)
		}
		messages <- found
	}
	options := stream.NewConsumerOptions().SetOffset(stream.OffsetSpecification{}.First()).SetCRCCheck(true)
	consumer, err := environment.NewConsumer(log, note, options)
	fail(err)
	for range count {
		select {
		case message := <-messages:
			fail(json.NewEncoder(os.Stdout).Encode(message))
		case <-time.After(patience):
			fail(fmt.Errorf("no message came"))
		}
	}
	fail(consumer.Close())
}

func writeAll(environment *stream.Environment, log string, count int) {
	producer, err := environment.NewProducer(log, nil)
	fail(err)
	confirms := producer.NotifyPublishConfirmation()
	for at := range count {
		message := amqp.NewMessage([]byte(fmt.Sprintf("body %d", at)))
		message.Properties = &amqp.MessageProperties{
			MessageID: fmt.Sprintf("m-%d", at), CorrelationID: "c-1", ContentType: "text/plain", GroupID: "stranger",
			CreationTime: time.Unix(1_700_000_000, 0),
		}
		message.ApplicationProperties = map[string]any{"text": "ä", "at": int64(at), "real": 1.5, "yes": true}
		message.Annotations = amqp.Annotations{"x-basic-type": "Something"}
		fail(producer.Send(message))
	}
	for confirmed := 0; confirmed < count; {
		select {
		case statuses := <-confirms:
			for _, status := range statuses {
				if !status.IsConfirmed() {
					fail(status.GetError())
				}
			}
			confirmed += len(statuses)
		case <-time.After(patience):
			fail(fmt.Errorf("no confirm came"))
		}
	}
	fail(producer.Close())
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
