// What docs/outbox-contract.md wants of a service's MongoDB database, as `infirmary-relay schema --mongo` prints it for mongosh.
//
// The documents with outboxes are in one collection, which RELAY_COLLECTION names; each document is one aggregate. Its fields:
//   outbox            array of {message_id: UUID, target: string, type: string, subject: string, sequence: long,
//                     header: binary or null, body: binary, created_at: date}, appended with $push
//   outbox_partition  int, crc32(subject) mod 64, of the document's subject
//   outbox_since      date, set by the service whenever it appends; the relay removes it when the array is empty
//   A sequence is 1, 2, 3 ... for each log and subject: where a document's messages have the document's subject, the service
//   keeps the last one given out in the document itself, so that one write gives the number and appends the message.
//
// The relay finds the documents with messages by this index:
db.getCollection("notifications").createIndex({ outbox_since: 1 }, { sparse: true });

// outbox_log: {_id: <log>} for each log that the service writes, so that it is there before the first message:
// db.outbox_log.insertMany([{ _id: "orders.events" }, { _id: "orders.to.billing" }]);

// outbox_lease and database_identity are the relay's own; it makes them itself.
