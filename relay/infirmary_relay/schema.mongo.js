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

// Which life of this database this is. The relay marks here that it was set back to an earlier moment, when the logs hold what
// it has not written; who mends that removes the mark and gives a new id. What it has written is told by its documents: the
// causation id of a message is the _id of the document that it stood in. Leave it away if yours are others, or are deleted:
// db.database_identity.insertOne({ _id: "incarnation", id: UUID(), set_back_since: null, set_back_because: null, restored_at: null });

// outbox_lease and the rest of database_identity are the relay's own; it makes them itself.
