package dynamoview

// For tests that choose bookings by their shard.
var ShardOf = shardOf

const WaitingShards = waitingShards
