//! Stories of several `gateway-worker` processes on one table, told through Discord and AWS.

mod fleet {
    mod consumer; // what answers: a queue's consumer with a model
    mod joining; // workers come, share, and go when they are told to
    mod losing; // workers are killed, stopped and held up
    mod proxy; // between a worker and AWS: what it refuses
    mod world; // Discord, AWS, workers and people who ask
}
