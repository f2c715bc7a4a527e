//! Stories of several `gateway-worker` processes on one table, told through Discord and AWS.

mod fleet {
    mod away; // the queue and the table are away, or answer nothing
    mod changing; // questions are edited, deleted and written in pieces while workers die
    mod consumer; // what answers: a queue's consumer with a model
    mod ending; // sessions give way to newer ones
    mod fences; // what holds of sessions in the table at every moment
    mod joining; // workers come, share, and go when they are told to
    mod losing; // workers are killed, stopped and held up
    mod poison; // one session or one job that is bad
    mod proxy; // between a worker and AWS: what it refuses
    mod world; // Discord, AWS, workers and people who ask
}
