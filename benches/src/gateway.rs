//! Discord's gateway: what a message costs that is dropped, how long one waits that is not, and what all that listening
//! takes of memory.

mod firehose; // a gateway that only pours
pub(crate) mod flood; // the real binary under it
mod frames; // what Discord writes
pub(crate) mod judging; // raw frame to decision
pub(crate) mod sessions; // many shards, and deploys
mod slow; // a slow queue
pub(crate) mod waiting; // from a frame to the queue, and to the reply
